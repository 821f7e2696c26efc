/** Relu, Clip and Sigmoid: element by element. A NaN stays a NaN. */
import type { Node } from "../model/graph.ts";
import { type Tensor, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { constantScalar, given, input } from "./checks.ts";
import type { InferInput, Operator } from "./operator.ts";

export const Relu = unary((x) => Math.max(x, 0));
export const Sigmoid = unary((x) => 1 / (1 + Math.exp(-x)));

/** min(max(x, low), high): inputs x, low, high, the last two constant scalars that may be left out. */
export const Clip = {
  inputs: [1, 3],
  attrs: {},

  infer(node, inputs) {
    readAttrs(node, {});
    const x = input(node, inputs, 0, "the input");
    clipRange(node, inputs);
    return [{ dtype: "float32", shape: x.shape }];
  },

  reference(_node, inputs) {
    const low = inputs[1]?.data[0] ?? -Infinity;
    const high = inputs[2]?.data[0] ?? Infinity;
    // max first: where low > high, high wins.
    return [map(given(inputs, 0), (x) => (x > high || low > high ? high : Math.max(x, low)))];
  },
} satisfies Operator;

/** [low, high] of a Clip; infinite where left out. */
export function clipRange(
  node: Node,
  inputs: readonly (InferInput | undefined)[],
): [low: number, high: number] {
  return [
    constantScalar(node, inputs, 1, "min") ?? -Infinity,
    constantScalar(node, inputs, 2, "max") ?? Infinity,
  ];
}

function unary(apply: (x: number) => number) {
  return {
    inputs: [1, 1],
    attrs: {},

    infer(node, inputs) {
      readAttrs(node, {});
      return [{ dtype: "float32", shape: input(node, inputs, 0, "the input").shape }];
    },

    reference(_node, inputs) {
      return [map(given(inputs, 0), apply)];
    },
  } satisfies Operator;
}

function map(x: Tensor, apply: (value: number) => number): Tensor {
  const y = zeros(x.shape);
  for (let i = 0; i < y.data.length; i++) y.data[i] = apply(x.data[i]);
  return y;
}
