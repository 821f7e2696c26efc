/** Copies between values that lie in any way, views included. */
import type { Shape } from "../../model/tensor.ts";
import { type Axis, type Factor, type Layout, layoutOf, noBorder } from "./layout.ts";
import type { Builder, Call } from "./step.ts";
import { type Loop, stridedCalls, stridedPieces } from "./strided.ts";

/** A value's shape and where its elements are. */
export type Walked = Pick<Layout, "shape" | "axes" | "origin"> & { readonly address: number };

/** Row-major, without gaps: how data comes from outside, and goes there. */
export function packedRows(shape: Shape): Layout {
  return layoutOf(shape, "rows", noBorder, shape.length ? shape[shape.length - 1] : 1);
}

/** Calls that copy all elements of `from` to `to`, which has the same shape. */
export function copyCalls(from: Walked, to: Walked, builder: Builder): Call[] {
  return stridedCalls(copyLoop(from, to), builder);
}

/** The same in pieces for the threads. */
export function copyPieces(from: Walked, to: Walked, builder: Builder): Call[][] {
  return stridedPieces([copyLoop(from, to)], builder);
}

/** The copy as one loop. */
export function copyLoop(from: Walked, to: Walked): Loop {
  const loops = from.shape.flatMap((size, axis) => refine(size, [from.axes[axis], to.axes[axis]]));
  return {
    op: "copy",
    sizes: loops.map(({ size }) => size),
    operands: [from, to].map(({ address, origin }, i) => ({
      address: address + origin,
      bytes: loops.map(({ bytes }) => bytes[i]),
    })),
  };
}

/** A loop over several operands at once. */
interface JointLoop {
  readonly size: number;
  readonly bytes: readonly number[]; // [operands]
}

/** An axis that operands walk as loops of their own each, as loops that all walk: the outermost first. */
function refine(size: number, operands: readonly Axis[]): JointLoop[] {
  const left = operands.map((axis) => axis.filter((loop) => loop.size !== 1));
  const loops: JointLoop[] = [];
  for (let rest = size; rest > 1; ) {
    const inner = left.map((axis) => axis[axis.length - 1]);
    const common = inner.map((loop) => loop.size).reduce(greatestDivisor);
    if (common === 1) throw new Error(`an axis of ${size} is walked in loops that do not fit together`);
    loops.unshift({ size: common, bytes: inner.map((loop) => loop.bytes) });
    for (const [i, loop] of inner.entries()) {
      left[i].pop();
      const outer: Factor = { size: loop.size / common, bytes: loop.bytes * common };
      if (outer.size > 1) left[i].push(outer);
    }
    rest /= common;
  }
  return loops;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
