/** The matrices of a value: one for each index of all axes but the last two, broadcasting. */
import type { Shape } from "../../model/tensor.ts";
import type { Axis } from "./layout.ts";
import type { Matrix } from "./product.ts";
import type { Placed } from "./step.ts";

/** The value's matrix for each index of `batch`, in order. */
export function matricesOf(value: Placed, batch: Shape): Matrix[] {
  const { shape, axes, address, origin } = value;
  const missing = batch.length - (shape.length - 2);
  let starts = [address + origin];
  batch.forEach((size, i) => {
    const own = i - missing;
    const steps = own < 0 || shape[own] === 1 ? new Int32Array(size) : offsetsAlong(axes[own]);
    starts = starts.flatMap((start) => Array.from(steps, (step) => start + step));
  });
  const [rows, columns] = [shape.length - 2, shape.length - 1];
  return starts.map((start) => ({
    address: start,
    shape: [shape[rows], shape[columns]],
    axes: [axes[rows], axes[columns]],
  }));
}

/** Addresses of the rows of a matrix. */
export function rowsOf({ address, shape, axes }: Matrix): Int32Array {
  return shape[0] === 1
    ? Int32Array.of(address)
    : offsetsAlong(axes[0]).map((offset) => address + offset);
}

/** Byte offset of each index of an axis. */
function offsetsAlong(axis: Axis): Int32Array {
  let offsets = [0];
  for (const { size, bytes } of axis) {
    offsets = offsets.flatMap((offset) => Array.from({ length: size }, (_, i) => offset + i * bytes));
  }
  return Int32Array.from(offsets);
}
