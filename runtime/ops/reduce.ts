/** ReduceMean: the mean over `axes` (all, where they are left out), which keepdims keeps as size 1. */
import type { Node } from "../model/graph.ts";
import { type Shape, stridesOf, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { stridedOffsets } from "./broadcast.ts";
import { fail, given, input, normalAxes } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

const attrs = {
  axes: { type: "ints" },
  keepdims: { type: "int", default: 1 },
} as const satisfies Record<string, AttrSpec>;

export const ReduceMean = {
  inputs: [1, 1],
  attrs,

  infer(node, inputs) {
    const { shape } = input(node, inputs, 0, "the input");
    const { axes, keepdims } = reduction(node, shape);
    if (axes.some((axis) => shape[axis] === 0))
      fail(node, `[${shape}] has no values to take the mean of`);
    const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    return [
      { dtype: "float32", shape: keepdims ? kept : kept.filter((_, axis) => !axes.includes(axis)) },
    ];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const { axes } = reduction(node, x.shape);
    const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const strides = stridesOf(x.shape);
    const pick = (chosen: readonly number[]) =>
      stridedOffsets(
        chosen.map((axis) => x.shape[axis]),
        chosen.map((axis) => strides[axis]),
      );
    const starts = pick(kept);
    const steps = pick(axes);
    const y = zeros(output.shape);
    for (let i = 0; i < y.data.length; i++) {
      let sum = 0;
      for (const step of steps) sum += x.data[starts[i] + step];
      y.data[i] = sum / steps.length;
    }
    return [y];
  },
} satisfies Operator;

export interface Reduction {
  readonly axes: readonly number[]; // counted from the front, ascending
  readonly keepdims: boolean;
}

/** What a ReduceMean reduces: for `infer`, and for the backends. */
export function reduction(node: Node, shape: Shape): Reduction {
  const { axes, keepdims } = readAttrs(node, attrs);
  const all = shape.map((_, axis) => axis);
  return { axes: axes?.length ? normalAxes(node, axes, shape.length) : all, keepdims: keepdims !== 0 };
}
