/**
 * How an activation lies in WebAssembly memory.
 *
 * As an image: a tensor [n, c, h, w] (or [n, c, w], with h = 1) is stored NHWC inside a border of zeros. The right
 * border of a row is the left border of the next one. As rows: [.., c], with n rows of all axes but the last.
 * In both, channels are stored `stride` apart per pixel or row; lanes from c up to stride hold finite values that
 * nobody means.
 *
 * A view is another value's buffer under another shape (views.ts): its axes say where its elements are, and it has
 * no border and no images of its own.
 */
import type { Shape } from "../../model/tensor.ts";

export type Kind = "image" | "rows";

export interface Border {
  readonly top: number; // rows
  readonly bottom: number;
  readonly side: number; // pixels left of each row, and right of it
}

/** A loop over `size` things that lie `bytes` apart. */
export interface Factor {
  readonly size: number;
  readonly bytes: number;
}

/** How an axis of a tensor is walked: as loops in one another, the outermost first. Most axes are one loop. */
export type Axis = readonly Factor[];

export interface Layout {
  readonly shape: Shape; // of the tensor
  readonly kind: Kind;
  readonly axes: readonly Axis[]; // [rank]
  readonly n: number; // images, or rows
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly stride: number; // floats a pixel, or of a row: as many as may be touched
  readonly border: Border;
  readonly pixelBytes: number;
  readonly rowBytes: number; // from a row to the next
  readonly imageBytes: number; // from an image of the batch, or a row of rows, to the next
  readonly origin: number; // byte offset of element 0 from the start of the buffer
  readonly bytes: number; // of the buffer
  readonly view: boolean; // does it lie in another value's buffer in its own way? Then only its axes say where
}

export const noBorder: Border = { top: 0, bottom: 0, side: 0 };

/** Kernels write 8 channels at a time. */
export const roundUp8 = (channels: number): number => Math.ceil(channels / 8) * 8;

/** A value in a buffer of its own. `stride` is given where pixels are narrower than a multiple of 8. */
export function layoutOf(
  shape: Shape,
  kind: Kind = shape.length === 4 ? "image" : "rows",
  border = noBorder,
  stride?: number,
): Layout {
  const [n, c, h, w] =
    kind === "image"
      ? [shape[0], shape[1], shape.length > 3 ? shape[2] : 1, shape[shape.length - 1]]
      : [sizeOf(shape.slice(0, -1)), shape.length ? shape[shape.length - 1] : 1, 1, 1];
  stride ??= roundUp8(c);
  const pixelBytes = stride * 4;
  const rowBytes = (w + border.side) * pixelBytes;
  const imageBytes = (border.top + h + border.bottom) * rowBytes + border.side * pixelBytes;
  const strides =
    kind === "image" ? [imageBytes, 4, rowBytes, pixelBytes] : rowStrides(shape, imageBytes);
  if (kind === "image" && shape.length === 3) strides.splice(2, 1);
  return {
    shape,
    kind,
    axes: strides.map((bytes, axis) => [{ size: shape[axis], bytes }]),
    n,
    h,
    w,
    c,
    stride,
    border,
    pixelBytes,
    rowBytes,
    imageBytes,
    origin: border.top * rowBytes + border.side * pixelBytes,
    bytes: n * imageBytes,
    view: false,
  };
}

function rowStrides(shape: Shape, rowBytes: number): number[] {
  const strides: number[] = shape.map(() => 4);
  for (let axis = shape.length - 2, bytes = rowBytes; axis >= 0; axis--) {
    strides[axis] = bytes;
    bytes *= shape[axis];
  }
  return strides;
}

/** Bytes from an element to the next along each axis, where every axis is one loop. */
export function axisBytes(layout: Pick<Layout, "shape" | "axes">): number[] {
  return layout.axes.map((axis) => {
    if (axis.length > 1)
      throw new Error(`an axis of [${layout.shape}] is ${axis.length} loops; expected 1`);
    return axis.length ? axis[0].bytes : 0;
  });
}

/** Byte offset from the buffer's start of image n, pixel (y, x); also outside the image, in the border. */
export function pixelAt(layout: Layout, n: number, y: number, x: number): number {
  return layout.origin + n * layout.imageBytes + y * layout.rowBytes + x * layout.pixelBytes;
}

/** Byte offset from the buffer's start of each row: the places of element 0 of the last axis, in order. */
export function rowOffsets(layout: Layout): Int32Array {
  const offsets = new Int32Array(sizeOf(layout.shape.slice(0, -1)));
  const loops = layout.axes.slice(0, -1).flat();
  const index = loops.map(() => 0);
  for (let i = 0, at = layout.origin; i < offsets.length; i++) {
    offsets[i] = at;
    for (let loop = loops.length - 1; loop >= 0; loop--) {
      at += loops[loop].bytes;
      if (++index[loop] < loops[loop].size) break;
      at -= loops[loop].bytes * loops[loop].size;
      index[loop] = 0;
    }
  }
  return offsets;
}

const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
