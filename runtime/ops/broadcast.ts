/** Broadcasting as in NumPy and ONNX: shapes are aligned at the right, and a size of 1 repeats. */
import type { Node } from "../model/graph.ts";
import { type Shape, sizeOf, stridesOf } from "../model/tensor.ts";
import { fail } from "./checks.ts";

/** The shape that `a` and `b` broadcast to together. */
export function broadcastShape(node: Node, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const da = a[axis - rank + a.length] ?? 1;
    const db = b[axis - rank + b.length] ?? 1;
    if (da !== db && da !== 1 && db !== 1)
      fail(node, `[${a}] and [${b}] do not broadcast: ${da} is not ${db}`);
    return da === 1 ? db : da;
  });
}

/** True if `shape` broadcasts to exactly `target`. */
export function fitsBroadcast(shape: Shape, target: Shape): boolean {
  const shift = target.length - shape.length;
  return shift >= 0 && shape.every((dim, axis) => dim === 1 || dim === target[axis + shift]);
}

/** For each element of `target`, row-major: the offset of the element of `shape` that lies there. */
export function broadcastOffsets(shape: Shape, target: Shape): Int32Array {
  const own = stridesOf(shape);
  const shift = target.length - shape.length;
  const strides = target.map((_, axis) =>
    axis < shift || shape[axis - shift] === 1 ? 0 : own[axis - shift],
  );
  return stridedOffsets(target, strides);
}

/** For each index of `shape`, row-major: the sum of index * stride over the dimensions. */
export function stridedOffsets(shape: Shape, strides: readonly number[]): Int32Array {
  const offsets = new Int32Array(sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  for (let at = 0, offset = 0; at < offsets.length; at++) {
    offsets[at] = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      offset += strides[axis];
      if (++index[axis] < shape[axis]) break;
      offset -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return offsets;
}
