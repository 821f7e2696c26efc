/**
 * How an activation lies in WebAssembly memory: NHWC float32 inside a border of zeros.
 *
 * A tensor of rank 4 is an image batch [n, c, h, w]; any other rank is rows [n, c] with c the last axis.
 * Channels are stored `stride` apart per pixel; lanes from c up to stride hold finite values that nobody
 * means. The right border of a row is the left border of the next one.
 */
import type { Shape } from "../../model/tensor.ts";

export interface Border {
  readonly top: number; // rows
  readonly bottom: number;
  readonly side: number; // pixels left of each row, and right of it
}

export interface Layout {
  readonly shape: Shape; // of the tensor
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly stride: number; // floats a pixel
  readonly border: Border;
  readonly pixelBytes: number;
  readonly rowBytes: number; // from a row to the next
  readonly imageBytes: number; // from an image of the batch to the next
  readonly origin: number; // byte offset of image 0, pixel (0, 0), from the start of the buffer
  readonly bytes: number; // of the buffer
}

export const noBorder: Border = { top: 0, bottom: 0, side: 0 };

/** Kernels write 8 channels at a time. */
export const roundUp8 = (channels: number): number => Math.ceil(channels / 8) * 8;

export function layoutOf(shape: Shape, border = noBorder, stride?: number): Layout {
  const isImage = shape.length === 4;
  const [n, c, h, w] = isImage
    ? shape
    : [shape.slice(0, -1).reduce((a, b) => a * b, 1), shape.length ? shape[shape.length - 1] : 1, 1, 1];
  stride ??= roundUp8(c);
  const pixelBytes = stride * 4;
  const rowBytes = (w + border.side) * pixelBytes;
  const imageBytes = (border.top + h + border.bottom) * rowBytes + border.side * pixelBytes;
  const origin = border.top * rowBytes + border.side * pixelBytes;
  return {
    shape,
    n,
    h,
    w,
    c,
    stride,
    border,
    pixelBytes,
    rowBytes,
    imageBytes,
    origin,
    bytes: n * imageBytes,
  };
}

/** Bytes from an element to the next along each axis of the tensor. */
export function axisBytes(layout: Layout): number[] {
  if (layout.shape.length === 4) return [layout.imageBytes, 4, layout.rowBytes, layout.pixelBytes];
  const strides: number[] = [];
  let bytes = layout.imageBytes;
  for (let axis = layout.shape.length - 2; axis >= 0; axis--) {
    strides[axis] = bytes;
    bytes *= layout.shape[axis];
  }
  if (layout.shape.length) strides[layout.shape.length - 1] = 4;
  return strides;
}

/** Do both describe the same floats at the same places? Then one can stand for the other without a copy. */
export function sameMemory(a: Layout, b: Layout): boolean {
  const one = (l: Layout) => l.h * l.w === 1;
  return (
    a.bytes === b.bytes &&
    a.n === b.n &&
    a.c === b.c &&
    a.stride === b.stride &&
    a.origin === b.origin &&
    ((one(a) && one(b)) || (a.h === b.h && a.w === b.w && a.rowBytes === b.rowBytes))
  );
}

/** Byte offset from the buffer's start of image n, pixel (y, x); also outside the image, in the border. */
export function pixelAt(layout: Layout, n: number, y: number, x: number): number {
  return layout.origin + n * layout.imageBytes + y * layout.rowBytes + x * layout.pixelBytes;
}
