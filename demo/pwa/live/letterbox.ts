/** A picture as the network wants it: whole, in the middle of a square, black around it, values from -1 to 1. */
import { type Tensor, tensor } from "../../../runtime/index.ts";
import type { Face, Point } from "./faces.ts";

/** Interleaved red, green, blue, opacity, row by row, 0 to 255: what a canvas gives. */
export type Pixels = Pick<ImageData, "width" | "height" | "data">;

export interface Letterbox {
  readonly input: Tensor<"float32">; // [1, 3, size, size]
  readonly scale: number; // pixels of the square a pixel of the picture
  readonly left: number; // free columns of the square
  readonly top: number; // free rows
}

/** Bilinear between the four pixels around the centre of each new one, the same on every device. */
export function letterbox({ width, height, data }: Pixels, size: number): Letterbox {
  const scale = size / Math.max(width, height);
  const [newWidth, newHeight] = [Math.round(width * scale), Math.round(height * scale)];
  const [left, top] = [(size - newWidth) >> 1, (size - newHeight) >> 1];
  const columns = neighbours(width, newWidth);
  const rows = neighbours(height, newHeight);
  const plane = size * size;
  const planes = new Float32Array(3 * plane).fill(-1); // black
  for (const [y, row] of rows.entries()) {
    for (const [x, column] of columns.entries()) {
      const upper = row.low * width;
      const lower = row.high * width;
      for (let channel = 0; channel < 3; channel++) {
        const value = (start: number, place: number) => data[4 * (start + place) + channel];
        const above =
          value(upper, column.low) * (1 - column.share) + value(upper, column.high) * column.share;
        const below =
          value(lower, column.low) * (1 - column.share) + value(lower, column.high) * column.share;
        const mixed = above * (1 - row.share) + below * row.share;
        planes[channel * plane + (top + y) * size + left + x] = mixed / 127.5 - 1;
      }
    }
  }
  return { input: tensor([1, 3, size, size], planes), scale, left, top };
}

/** A face of the square, where it is in the picture. */
export function inPicture(face: Face, { scale, left, top }: Letterbox): Face {
  const back = ({ x, y }: Point): Point => ({ x: (x - left) / scale, y: (y - top) / scale });
  const [first, last] = [back({ x: face.left, y: face.top }), back({ x: face.right, y: face.bottom })];
  return {
    ...face,
    left: first.x,
    top: first.y,
    right: last.x,
    bottom: last.y,
    points: face.points.map(back),
  };
}

/** For each place of the new size the two old ones it lies between, and how near it is to the second. */
function neighbours(size: number, newSize: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: newSize }, (_, place) => {
    const centre = Math.max(0, (place + 0.5) * (size / newSize) - 0.5);
    const low = Math.min(Math.floor(centre), size - 1);
    return { low, high: Math.min(low + 1, size - 1), share: centre - low };
  });
}
