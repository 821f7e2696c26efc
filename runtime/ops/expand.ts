/**
 * Expand: x repeated until it has the shape that it and `shape`, a constant, broadcast to together. Tile: x repeated
 * as often along each axis as a constant says.
 */
import { dtypes, stridesOf, zeros } from "../model/tensor.ts";
import { broadcastOffsets, broadcastShape } from "./broadcast.ts";
import { constantInts, fail, given, input } from "./checks.ts";
import type { Operator } from "./operator.ts";

export const Expand = {
  inputs: [2, 2],
  attrs: {},

  infer(node, inputs) {
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

export const Tile = {
  inputs: [2, 2],
  attrs: {},

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const repeats = constantInts(node, inputs, 1, "repeats") ?? [];
    if (repeats.length !== x.shape.length)
      fail(node, `repeats [${repeats}] has ${repeats.length} values; expected ${x.shape.length}`);
    return [{ dtype: x.dtype, shape: x.shape.map((dim, axis) => dim * repeats[axis]) }];
  },

  reference(_node, inputs, [output]) {
    const x = given(inputs, 0);
    const y = zeros(output.shape, output.dtype);
    const strides = stridesOf(output.shape);
    const own = stridesOf(x.shape);
    for (let i = 0; i < y.data.length; i++) {
      let from = 0;
      for (const [axis, stride] of strides.entries())
        from += (Math.floor(i / stride) % x.shape[axis]) * own[axis];
      y.data[i] = x.data[from];
    }
    return [y];
  },
} satisfies Operator;
