/** Gradients of operators that only move values: the values move back. */
import { sizeOf } from "../../../runtime/model/tensor.ts";
import { normalAxis } from "../../../runtime/ops/checks.ts";
import { padAmounts, modes as places } from "../../../runtime/ops/pad.ts";
import { type SliceRange, sliceRanges } from "../../../runtime/ops/slice.ts";
import { splitting } from "../../../runtime/ops/split.ts";
import { mapped } from "./linear.ts";
import type { BackwardContext, GradientRule } from "./rule.ts";

/** dx = dy in the shape of x: Flatten, Reshape, Squeeze, Unsqueeze. */
export const sameValues: GradientRule = {
  backward: (c, dy) => [c.emit("Reshape", [dy, c.ints(c.shapes[0])])],
};

export const Identity: GradientRule = { backward: (_, dy) => [dy] };

/** Each input takes its slice. */
export const Concat: GradientRule = {
  backward(c, dy) {
    const axis = normalAxis(c.node, c.node.attrs.axis as number, c.shape.length);
    let start = 0;
    return c.shapes.map((shape, i) => {
      const end = start + shape[axis];
      const slice = c.needs[i] ? sliceOf(c, dy, [start], [end], [axis]) : undefined;
      start = end;
      return slice;
    });
  },
};

/** The parts put together again; 0 for those that nobody reads. */
export const Split: GradientRule = {
  backward(c) {
    const { axis, sizes } = splitting(c.node, c.known);
    const parts = sizes.map((size, i) => {
      const shape = c.shapes[0].map((dim, at) => (at === axis ? size : dim));
      return c.gradients[i] ?? c.emit("Expand", [c.scalar(0), c.ints(shape)]);
    });
    return [parts.length === 1 ? parts[0] : c.emit("Concat", parts, { axis })];
  },
};

export const Transpose: GradientRule = {
  backward(c, dy) {
    const rank = c.shape.length;
    const perm = (c.node.attrs.perm as number[] | undefined) ?? c.shape.map((_, i) => rank - 1 - i);
    return [c.emit("Transpose", [dy], { perm: c.shape.map((_, axis) => perm.indexOf(axis)) })];
  },
};

/** What was added is cut off, or, where it is a copy, goes back to what it is a copy of; what was cut off gets 0. */
export const Pad: GradientRule = {
  backward(c, dy) {
    const { begin, end, mode } = padAmounts(c.node, c.known);
    const amounts = [...begin, ...end];
    if (mode === "constant") return [c.emit("Pad", [dy, c.ints(amounts.map((amount) => -amount))])];
    const sizes = [...c.shape];
    let dx = dy;
    for (const [axis, inputs] of c.shapes[0].entries()) {
      if (begin[axis] === 0 && end[axis] === 0) continue;
      const outputs = c.shape[axis];
      const map = new Float32Array(inputs * outputs);
      for (let o = 0; o < outputs; o++) map[places[mode](o - begin[axis], inputs) * outputs + o] = 1;
      dx = mapped(c, dx, sizes, axis, map, inputs);
      sizes[axis] = inputs;
    }
    return [dx];
  },
};

/** Each value goes back to where it was taken from, with 0 at all other places. */
export const Slice: GradientRule = {
  backward(c, dy) {
    const sizes = [...c.shape];
    let dx = dy;
    for (const [axis, range] of sliceRanges(c.node, c.known).entries()) {
      dx = spread(c, dx, sizes, axis, range, c.shapes[0][axis]);
      sizes[axis] = c.shapes[0][axis];
    }
    return [dx];
  },
};

/** One axis of a slice put back into `dim` places. `sizes` are those of `dy`. */
function spread(
  c: BackwardContext,
  dy: string,
  sizes: readonly number[],
  axis: number,
  { start, step, size }: SliceRange,
  dim: number,
): string {
  const stride = Math.abs(step);
  if (stride > 1 && axis === sizes.length - 1)
    return spreadRows(c, dy, sizes, { start, step, size }, dim);
  let dx = dy;
  if (step < 0) {
    const least = -(2 ** 31) + 1; // "down to the first" for a negative step
    dx = c.emit("Slice", [dx, c.ints([-1]), c.ints([least]), c.ints([axis]), c.ints([-1])]);
  }
  if (stride > 1) {
    // [.., n, ..] -> [.., n, 1, ..], padded to [.., n, stride, ..] -> [.., n * stride, ..]
    const [before, after] = [sizes.slice(0, axis), sizes.slice(axis + 1)];
    const pads = new Array<number>(2 * (sizes.length + 1)).fill(0);
    pads[sizes.length + 1 + axis + 1] = stride - 1;
    dx = c.emit("Reshape", [dx, c.ints([...before, size, 1, ...after])]);
    dx = c.emit("Pad", [dx, c.ints(pads)]);
    dx = c.emit("Reshape", [dx, c.ints([...before, size * stride, ...after])]);
  }
  const first = step < 0 ? start + (size - 1) * step : start;
  const pads = new Array<number>(2 * sizes.length).fill(0);
  pads[axis] = first;
  pads[sizes.length + axis] = dim - first - size * stride; // below 0 it cuts zeros off
  return pads.some((pad) => pad !== 0) ? c.emit("Pad", [dx, c.ints(pads)]) : dx;
}

/** The same along the last axis, by a product with a matrix of zeros and ones: single values are slow to move. */
function spreadRows(
  c: BackwardContext,
  dy: string,
  sizes: readonly number[],
  { start, step, size }: SliceRange,
  dim: number,
): string {
  const map = new Float32Array(size * dim);
  for (let i = 0; i < size; i++) map[i * dim + start + i * step] = 1;
  const before = sizes.slice(0, -1);
  const rows = c.emit("Reshape", [dy, c.ints([sizeOf(before), size])]);
  const made = c.emit("MatMul", [rows, c.floats([size, dim], map)]);
  return c.emit("Reshape", [made, c.ints([...before, dim])]);
}

function sliceOf(
  c: BackwardContext,
  x: string,
  starts: number[],
  ends: number[],
  axes: number[],
): string {
  return c.emit("Slice", [x, c.ints(starts), c.ints(ends), c.ints(axes)]);
}
