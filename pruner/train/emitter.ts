/** Writes nodes and constants into a graph that is being made. Its operators are ONNX's, not only ours. */
import type { Attr, Node } from "../../runtime/model/graph.ts";
import { type Shape, type Tensor, tensor } from "../../runtime/model/tensor.ts";

export interface Emitter {
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Tensor>;
  /** Adds a node and returns the name of its (first) result: `name` where given, else a fresh one. */
  emit(
    op: string,
    inputs: readonly string[],
    attrs?: Readonly<Record<string, Attr>>,
    name?: string,
  ): string;
  /** Adds a node as it is. */
  add(node: Node): void;
  /** Adds a node with several results. */
  emitMany(
    op: string,
    inputs: readonly string[],
    attrs: Readonly<Record<string, Attr>>,
    results: number,
  ): string[];
  ints(values: readonly number[]): string; // int32 vector: sizes, axes, pads
  scalar(value: number): string; // float32 []
  floats(shape: Shape, values: Float32Array): string;
}

export function emitter(): Emitter {
  const nodes: Node[] = [];
  const constants = new Map<string, Tensor>();
  const emitMany: Emitter["emitMany"] = (op, inputs, attrs, results) => {
    const name = `step/${op}_${nodes.length}`;
    const outputs = Array.from({ length: results }, (_, i) => (results === 1 ? name : `${name}.${i}`));
    nodes.push({ name, op, inputs, outputs, attrs });
    return outputs;
  };
  // Equal small constants are stored once.
  const constant = (key: string, value: () => Tensor) => {
    const name = `step/${key}`;
    if (!constants.has(name)) constants.set(name, value());
    return name;
  };
  return {
    nodes,
    constants,
    add: (node) => nodes.push(node),
    emitMany,
    emit(op, inputs, attrs = {}, name) {
      if (name === undefined) return emitMany(op, inputs, attrs, 1)[0];
      nodes.push({ name: `step/${op}_${nodes.length}`, op, inputs, outputs: [name], attrs });
      return name;
    },
    ints: (values) =>
      constant(`ints_${values.join("_")}`, () =>
        tensor([values.length], Int32Array.from(values), "int32"),
      ),
    scalar: (value) => constant(`scalar_${value}`, () => tensor([], Float32Array.of(value))),
    floats: (shape, values) => constant(`floats_${constants.size}`, () => tensor(shape, values)),
  };
}
