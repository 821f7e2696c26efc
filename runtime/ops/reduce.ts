/**
 * Reductions over `axes` (all, where they are left out), which keepdims keeps as size 1: sum, mean, product, largest
 * and smallest value; and the place of the largest or smallest along one axis.
 */
import type { Node } from "../model/graph.ts";
import { type Shape, sizeOf, stridesOf, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { stridedOffsets } from "./broadcast.ts";
import { fail, given, input, normalAxes } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

const keepdims = { type: "int", default: 1 } as const;
const attrs = { axes: { type: "ints" }, keepdims } as const satisfies Record<string, AttrSpec>;
const placeAttrs = {
  axis: { type: "int", default: 0 },
  keepdims,
  select_last_index: { type: "int", default: 0 },
} as const satisfies Record<string, AttrSpec>;

/** Of the values that are reduced to one; `ofNone` is what comes of none. */
type Reduce = (values: readonly number[], node: Node) => number;

const sum: Reduce = (values) => values.reduce((a, b) => a + b, 0);
const most: Reduce = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
const least: Reduce = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);

export const ReduceMean = reduce((values, node) => sum(values, node) / values.length, attrs, false);
export const ReduceSum = reduce(sum, attrs);
export const ReduceProd = reduce((values) => values.reduce((a, b) => a * b, 1), attrs);
export const ReduceMax = reduce(most, attrs);
export const ReduceMin = reduce(least, attrs);
export const ArgMax = reduce(place(most), placeAttrs, false);
export const ArgMin = reduce(place(least), placeAttrs, false);

function place(best: Reduce): Reduce {
  return (values, node) => {
    const value = best(values, node);
    return node.attrs.select_last_index ? values.lastIndexOf(value) : values.indexOf(value);
  };
}

function reduce<const A extends Readonly<Record<string, AttrSpec>>>(
  apply: Reduce,
  specs: A,
  takesNone = true,
) {
  const isPlace = "axis" in specs;
  return {
    inputs: [1, 1],
    attrs: specs,

    infer(node, inputs) {
      const { dtype, shape } = input(node, inputs, 0, "the input", ["float32", "int32", "uint8"]);
      const { axes, keepdims } = reduction(node, shape);
      if (!takesNone && axes.some((axis) => shape[axis] === 0))
        fail(node, `[${shape}] has no values to reduce`);
      const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
      return [
        {
          dtype: isPlace ? "int32" : dtype,
          shape: keepdims ? kept : kept.filter((_, axis) => !axes.includes(axis)),
        },
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
      const steps = [...pick(axes)];
      const y = zeros(output.shape, output.dtype);
      for (let i = 0; i < sizeOf(output.shape); i++)
        y.data[i] = apply(
          steps.map((step) => x.data[starts[i] + step]),
          node,
        );
      return [y];
    },
  } satisfies Operator;
}

export interface Reduction {
  readonly axes: readonly number[]; // counted from the front, ascending
  readonly keepdims: boolean;
}

/** What a reduction reduces: for `infer`, and for the backends. */
export function reduction(node: Node, shape: Shape): Reduction {
  const { keepdims } = readAttrs(node, { ...attrs, ...placeAttrs });
  const isPlace = node.op.startsWith("Arg");
  const axes = isPlace ? [(node.attrs.axis as number) ?? 0] : (node.attrs.axes as number[] | undefined);
  const all = shape.map((_, axis) => axis);
  return { axes: axes?.length ? normalAxes(node, axes, shape.length) : all, keepdims: keepdims !== 0 };
}
