/** Expand: x repeated until it has the shape that it and `shape`, a constant, broadcast to together. */
import { dtypes, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { broadcastOffsets, broadcastShape } from "./broadcast.ts";
import { constantInts, fail, given, input } from "./checks.ts";
import type { Operator } from "./operator.ts";

export const Expand = {
  inputs: [2, 2],
  attrs: {},

  infer(node, inputs) {
    readAttrs(node, {});
    const x = input(node, inputs, 0, "the input", dtypes);
    const shape = constantInts(node, inputs, 1, "the shape");
    if (!shape) fail(node, "the shape (input 1) is missing");
    return [{ dtype: x.dtype, shape: broadcastShape(node, x.shape, shape) }];
  },

  reference(_node, inputs, [output]) {
    const x = given(inputs, 0);
    const y = zeros(output.shape, output.dtype);
    broadcastOffsets(x.shape, output.shape).forEach((offset, i) => {
      y.data[i] = x.data[offset];
    });
    return [y];
  },
} satisfies Operator;
