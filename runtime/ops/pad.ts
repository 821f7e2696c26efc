/** Pad with a constant: inputs x, pads, value, axes; all but x constants. A negative pad crops. */
import type { Node } from "../model/graph.ts";
import { type Shape, stridesOf, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { stridedOffsets } from "./broadcast.ts";
import { constantInts, constantScalar, fail, given, input, normalAxis } from "./checks.ts";
import type { AttrSpec, InferInput, Operator } from "./operator.ts";

const attrs = { mode: { type: "string", default: "constant" } } as const satisfies Record<
  string,
  AttrSpec
>;

export const Pad = {
  inputs: [2, 4],
  attrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input");
    const { begin, end } = padAmounts(node, inputs);
    return [{ dtype: "float32", shape: x.shape.map((dim, axis) => dim + begin[axis] + end[axis]) }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const known = inputs.map((value) => value && { dtype: value.dtype, shape: value.shape, value });
    const { begin, value } = padAmounts(node, known);
    const y = zeros(output.shape);
    y.data.fill(value);
    // The box of x that lies inside y, and where it starts in each.
    const from = begin.map((pad) => Math.max(0, -pad));
    const to = begin.map((pad) => Math.max(0, pad));
    const box = x.shape.map((dim, axis) => Math.min(dim - from[axis], output.shape[axis] - to[axis]));
    if (box.some((dim) => dim <= 0)) return [y];
    const xStrides = stridesOf(x.shape);
    const yStrides = stridesOf(output.shape);
    const xOffsets = stridedOffsets(box, xStrides);
    const yOffsets = stridedOffsets(box, yStrides);
    const xStart = dot(from, xStrides);
    const yStart = dot(to, yStrides);
    for (let i = 0; i < xOffsets.length; i++)
      y.data[yStart + yOffsets[i]] = x.data[xStart + xOffsets[i]];
    return [y];
  },
} satisfies Operator;

export interface PadAmounts {
  readonly begin: readonly number[]; // [rank of x]
  readonly end: readonly number[]; // [rank of x]
  readonly value: number;
}

/** What a Pad adds before and behind each dimension of x. */
export function padAmounts(node: Node, inputs: readonly (InferInput | undefined)[]): PadAmounts {
  const { mode } = readAttrs(node, attrs);
  if (mode !== "constant") fail(node, `mode "${mode}" is not supported; expected "constant"`);
  const rank = (inputs[0] as { shape: Shape }).shape.length;
  const pads = constantInts(node, inputs, 1, "pads");
  const value = constantScalar(node, inputs, 2, "the value") ?? 0;
  const axes = constantInts(node, inputs, 3, "axes") ?? Array.from({ length: rank }, (_, axis) => axis);
  if (!pads) fail(node, "pads (input 1) is missing");
  if (pads.length !== 2 * axes.length) {
    fail(
      node,
      `pads [${pads}] has ${pads.length} values; expected ${2 * axes.length}, two for each axis`,
    );
  }
  const begin = new Array<number>(rank).fill(0);
  const end = new Array<number>(rank).fill(0);
  axes.forEach((axis, i) => {
    const at = normalAxis(node, axis, rank);
    begin[at] = pads[i];
    end[at] = pads[i + axes.length];
  });
  return { begin, end, value };
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}
