/** Along one axis: TopK, the k largest (or smallest) values and their places; CumSum, sums so far. */
import type { Node } from "../model/graph.ts";
import { type Shape, sizeOf, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { constantInts, fail, given, input, normalAxis } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

const topAttrs = {
  axis: { type: "int", default: -1 },
  largest: { type: "int", default: 1 },
  sorted: { type: "int", default: 1 }, // they always are
} as const satisfies Record<string, AttrSpec>;

/** Inputs x and k, a constant. Of equal values the first comes first. */
export const TopK = {
  inputs: [2, 2],
  attrs: topAttrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", ["float32", "int32", "uint8"]);
    const axis = normalAxis(node, readAttrs(node, topAttrs).axis, x.shape.length);
    const k = constantInts(node, inputs, 1, "k")?.[0] ?? -1;
    if (!(k >= 0 && k <= x.shape[axis])) fail(node, `k is ${k}; expected 0 to ${x.shape[axis]}`);
    const shape = x.shape.map((dim, i) => (i === axis ? k : dim));
    return [
      { dtype: x.dtype, shape },
      { dtype: "int32", shape },
    ];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const { axis, largest } = readAttrs(node, topAttrs);
    const values = zeros(output.shape, output.dtype);
    const places = zeros(output.shape, "int32");
    const from = lines(node, axis, x.shape);
    lines(node, axis, output.shape).forEach(({ start, stride, size }, line) => {
      const at = (i: number) => x.data[from[line].start + i * stride];
      const order = Array.from({ length: from[line].size }, (_, i) => i);
      order.sort((a, b) => (largest ? at(b) - at(a) : at(a) - at(b)) || a - b);
      for (let i = 0; i < size; i++) {
        values.data[start + i * stride] = at(order[i]);
        places.data[start + i * stride] = order[i];
      }
    });
    return [values, places];
  },
} satisfies Operator;

const sumAttrs = {
  exclusive: { type: "int", default: 0 },
  reverse: { type: "int", default: 0 },
} as const satisfies Record<string, AttrSpec>;

/** Inputs x and axis, a constant. */
export const CumSum = {
  inputs: [2, 2],
  attrs: sumAttrs,

  infer(node, inputs) {
    const { dtype, shape } = input(node, inputs, 0, "the input", ["float32", "int32", "uint8"]);
    normalAxis(node, constantInts(node, inputs, 1, "the axis")![0], shape.length);
    return [{ dtype, shape }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const { exclusive, reverse } = readAttrs(node, sumAttrs);
    const y = zeros(output.shape, output.dtype);
    for (const { start, stride, size } of lines(node, given(inputs, 1).data[0], x.shape)) {
      for (let i = 0, sum = 0; i < size; i++) {
        const at = start + (reverse ? size - 1 - i : i) * stride;
        const before = sum;
        sum += x.data[at];
        y.data[at] = exclusive ? before : sum;
      }
    }
    return [y];
  },
} satisfies Operator;

/** The lines along an axis, in row-major order. */
function lines(
  node: Node,
  axis: number,
  shape: Shape,
): { start: number; stride: number; size: number }[] {
  const at = normalAxis(node, axis, shape.length);
  const size = shape[at];
  const stride = sizeOf(shape.slice(at + 1));
  return Array.from({ length: sizeOf(shape.slice(0, at)) * stride }, (_, line) => ({
    start: Math.floor(line / stride) * size * stride + (line % stride),
    stride,
    size,
  }));
}
