/** Gradients of operators that only move values: the values move back. */
import { normalAxis } from "../../../runtime/ops/checks.ts";
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

export const Transpose: GradientRule = {
  backward(c, dy) {
    const rank = c.shape.length;
    const perm = (c.node.attrs.perm as number[] | undefined) ?? c.shape.map((_, i) => rank - 1 - i);
    return [c.emit("Transpose", [dy], { perm: c.shape.map((_, axis) => perm.indexOf(axis)) })];
  },
};

function sliceOf(
  c: BackwardContext,
  x: string,
  starts: number[],
  ends: number[],
  axes: number[],
): string {
  return c.emit("Slice", [x, c.ints(starts), c.ints(ends), c.ints(axes)]);
}
