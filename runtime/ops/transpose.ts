/** Transpose: dimension i of the result is dimension perm[i] of x; by default in reverse order. */
import type { Node } from "../model/graph.ts";
import { dtypes, type Shape, stridesOf, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { stridedOffsets } from "./broadcast.ts";
import { fail, given, input } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

const attrs = { perm: { type: "ints" } } as const satisfies Record<string, AttrSpec>;

export const Transpose = {
  inputs: [1, 1],
  attrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    return [{ dtype: x.dtype, shape: permutation(node, x.shape).map((axis) => x.shape[axis]) }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const strides = stridesOf(x.shape);
    const offsets = stridedOffsets(
      output.shape,
      permutation(node, x.shape).map((axis) => strides[axis]),
    );
    const y = zeros(output.shape, output.dtype);
    for (let i = 0; i < offsets.length; i++) y.data[i] = x.data[offsets[i]];
    return [y];
  },
} satisfies Operator;

function permutation(node: Node, shape: Shape): readonly number[] {
  const axes = shape.map((_, axis) => axis);
  const { perm = axes.toReversed() } = readAttrs(node, attrs);
  if (perm.length !== axes.length || !axes.every((axis) => perm.includes(axis))) {
    fail(node, `perm [${perm}] does not name each of the ${axes.length} dimensions once`);
  }
  return perm;
}
