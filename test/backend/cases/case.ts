/** What a case is: a small graph and its inputs, plain data, for every backend and for the oracle. */
import type { Tensors } from "../../../runtime/backends/backend.ts";
import type { Attr, Graph, ValueInfo } from "../../../runtime/model/graph.ts";
import type { SparseTensor } from "../../../runtime/model/sparse/format.ts";
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { plan } from "../../../runtime/plan.ts";

export interface Case {
  readonly name: string;
  readonly graph: Graph; // all sizes are numbers
  readonly inputs: Tensors;
  readonly opset?: number; // the first opset in which ONNX can say this, where that is after 17
}

/** An input of a node: a tensor that is given while running, a constant, or nothing (an optional input left out). */
export type CaseInput = Tensor | { readonly constant: Tensor | SparseTensor } | undefined;

/** A graph of one node. */
export function single(
  op: string,
  name: string,
  inputs: readonly CaseInput[],
  attrs: Readonly<Record<string, Attr>> = {},
  opset?: number,
  outputs: readonly string[] = ["y"],
): Case {
  const names = inputs.map((input, i) => (input ? `x${i}` : ""));
  const given: Record<string, Tensor> = {};
  const constants = new Map<string, Tensor | SparseTensor>();
  inputs.forEach((input, i) => {
    if (input && "constant" in input) constants.set(names[i], input.constant);
    else if (input) given[names[i]] = input;
  });
  const graph: Graph = {
    name: op,
    nodes: [{ name: "node", op, inputs: names, outputs, attrs }],
    inputs: Object.entries(given).map(([x, { dtype, shape }]): ValueInfo => ({ name: x, dtype, shape })),
    outputs: outputs.map((name) => ({ name, dtype: "float32", shape: [] })), // the plan knows what they are
    constants,
  };
  const closed = { ...graph, outputs: plan(graph).graph.outputs };
  return { name, graph: closed, inputs: given, ...(opset && { opset }) };
}

export function constant(value: Tensor | SparseTensor): { readonly constant: Tensor | SparseTensor } {
  return { constant: value };
}

/** A constant int32 vector: a shape, axes, pads. */
export function ints(...values: number[]): { readonly constant: Tensor } {
  return { constant: tensor([values.length], Int32Array.from(values), "int32") };
}

/** A constant float32 scalar. */
export function scalar(value: number): { readonly constant: Tensor } {
  return { constant: tensor([], Float32Array.of(value)) };
}
