/** What an operator is: its attributes, the shapes it makes, and the plain loop that defines it. */
import type { Node, StaticValue } from "../model/graph.ts";
import type { Tensor } from "../model/tensor.ts";

export type AttrType = "int" | "float" | "string" | "ints" | "floats" | "strings" | "tensor";

export interface AttrSpec {
  readonly type: AttrType;
  readonly required?: boolean;
  readonly default?: number | string | readonly number[]; // ONNX's default, where there is one
}

/** What is known of a node's input while shapes are inferred: `value` where it is a dense constant. */
export interface InferInput extends StaticValue {
  readonly value?: Tensor;
}

export interface Operator {
  readonly inputs: readonly [min: number, max: number];
  readonly attrs: Readonly<Record<string, AttrSpec>>;
  /** One StaticValue an output. `undefined` stands for an optional input left out. Throws a ModelError naming the node. */
  infer(node: Node, inputs: readonly (InferInput | undefined)[]): StaticValue[];
  /** The definition, in plain loops over row-major data. `outputs` is what `infer` said. */
  reference(
    node: Node,
    inputs: readonly (Tensor | undefined)[],
    outputs: readonly StaticValue[],
  ): Tensor[];
}
