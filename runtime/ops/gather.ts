/** Gather: the slices of x at constant indices of one axis. x [...before, dim, ...behind] -> [...before, ...indices' shape, ...behind]. */
import type { Node } from "../model/graph.ts";
import { dtypes, type Shape, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { fail, given, input, normalAxis } from "./checks.ts";
import type { AttrSpec, InferInput, Operator } from "./operator.ts";

const attrs = { axis: { type: "int", default: 0 } } as const satisfies Record<string, AttrSpec>;

export const Gather = {
  inputs: [2, 2],
  attrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const { axis, indicesShape } = gathering(node, inputs);
    const shape = [...x.shape.slice(0, axis), ...indicesShape, ...x.shape.slice(axis + 1)];
    return [{ dtype: x.dtype, shape }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const { axis, indices } = gathering(
      node,
      inputs.map((value) => value && { dtype: value.dtype, shape: value.shape, value }),
    );
    const inner = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const outer = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
    const y = zeros(output.shape, output.dtype);
    for (let o = 0, at = 0; o < outer; o++) {
      for (const index of indices) {
        const from = (o * x.shape[axis] + index) * inner;
        y.data.set(x.data.subarray(from, from + inner), at);
        at += inner;
      }
    }
    return [y];
  },
} satisfies Operator;

export interface Gathering {
  readonly axis: number;
  readonly indices: readonly number[]; // counted from the front
  readonly indicesShape: Shape;
}

/** What a Gather takes of its input. */
export function gathering(node: Node, inputs: readonly (InferInput | undefined)[]): Gathering {
  const { shape } = inputs[0] as { shape: Shape };
  const axis = normalAxis(node, readAttrs(node, attrs).axis, shape.length);
  const { value, shape: indicesShape } = input(node, inputs, 1, "indices", ["int32"]);
  if (!value)
    fail(node, `indices '${node.inputs[1]}' are computed while running; they must be constants`);
  const indices = Array.from(value.data, (index) => (index < 0 ? index + shape[axis] : index));
  const wrong = indices.findIndex((index) => index < 0 || index >= shape[axis]);
  if (wrong >= 0) fail(node, `the index ${value.data[wrong]} does not fit axis ${axis} of [${shape}]`);
  return { axis, indices, indicesShape };
}
