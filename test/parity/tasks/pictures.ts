/** Pictures: read from JPEG and PNG, resampled, padded, and laid out as networks want them. */
import { readFileSync } from "node:fs";
import jpeg from "jpeg-js";
import { PNG } from "pngjs";

/** Interleaved pixels, row by row: data [height * width * channels]. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>; // RGB, 0 to 255
}

export function readJpeg(path: string): Picture {
  return jpeg.decode(readFileSync(path), { useTArray: true, formatAsRGBA: false });
}

/** One byte a pixel, for pictures whose values are labels. */
export function readLabels(path: string): { width: number; height: number; data: Uint8Array } {
  const { width, height, data } = PNG.sync.read(readFileSync(path));
  return { width, height, data: Uint8Array.from({ length: width * height }, (_, i) => data[4 * i]) };
}

/** Bilinear between the four pixels around the centre of each new one; edges repeated, no smoothing before. */
export function resize({ width, height, data }: Picture, newWidth: number, newHeight: number): Picture {
  const columns = neighbours(width, newWidth);
  const rows = neighbours(height, newHeight);
  const resized = new Float32Array(newWidth * newHeight * 3);
  let at = 0;
  for (const { low: top, high: bottom, share: down } of rows) {
    for (const { low: left, high: right, share: across } of columns) {
      for (let channel = 0; channel < 3; channel++) {
        const value = (row: number, column: number) => data[(row * width + column) * 3 + channel];
        const above = value(top, left) * (1 - across) + value(top, right) * across;
        const below = value(bottom, left) * (1 - across) + value(bottom, right) * across;
        resized[at++] = above * (1 - down) + below * down;
      }
    }
  }
  return { width: newWidth, height: newHeight, data: resized };
}

/** For each place of the new size the two old ones it lies between, and how near it is to the second. */
function neighbours(size: number, newSize: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: newSize }, (_, place) => {
    const centre = Math.max(0, (place + 0.5) * (size / newSize) - 0.5);
    const low = Math.min(Math.floor(centre), size - 1);
    return { low, high: Math.min(low + 1, size - 1), share: centre - low };
  });
}

export function crop({ width, data }: Picture, left: number, top: number, size: number): Picture {
  const cut = new Uint8ClampedArray(size * size * 3);
  for (let y = 0, at = 0; y < size; y++) {
    const start = ((top + y) * width + left) * 3;
    for (let i = 0; i < size * 3; i++) cut[at++] = data[start + i];
  }
  return { width: size, height: size, data: cut };
}

/** Where a picture lies in the square it was fitted into: a place there is (x - left) / scale in the picture. */
export interface Fit {
  readonly picture: Picture;
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

/** The picture as large as fits into size x size, in its middle or its upper left corner, `border` around it. */
export function letterbox(
  picture: Picture,
  size: number,
  { border = 0, place = "middle" }: { border?: number; place?: "middle" | "corner" } = {},
): Fit {
  const scale = size / Math.max(picture.width, picture.height);
  const small = resize(picture, Math.round(picture.width * scale), Math.round(picture.height * scale));
  const left = place === "middle" ? (size - small.width) >> 1 : 0;
  const top = place === "middle" ? (size - small.height) >> 1 : 0;
  const data = new Float32Array(size * size * 3).fill(border);
  for (let y = 0; y < small.height; y++) {
    const row = (small.data as Float32Array).subarray(y * small.width * 3, (y + 1) * small.width * 3);
    data.set(row, ((top + y) * size + left) * 3);
  }
  return { picture: { width: size, height: size, data }, scale, left, top };
}

/** [3, height, width]: the planes of a picture, each value through `map`. */
export function toPlanes(
  { width, height, data }: Picture,
  map: (value: number, channel: number) => number,
  order: "RGB" | "BGR" = "RGB",
): Float32Array {
  const size = width * height;
  const planes = new Float32Array(3 * size);
  for (let plane = 0; plane < 3; plane++) {
    const channel = order === "RGB" ? plane : 2 - plane;
    for (let i = 0; i < size; i++) planes[plane * size + i] = map(data[3 * i + channel], plane);
  }
  return planes;
}

/** (v / 255 - mean) / deviation, by plane. */
export function normalize(mean: readonly number[], deviation: readonly number[]) {
  return (value: number, channel: number) => (value / 255 - mean[channel]) / deviation[channel];
}

/** What networks trained on ImageNet with PyTorch subtract and divide by, red, green, blue. */
export const imagenet = normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

/** -1 to 1. */
export const symmetric = (value: number) => value / 127.5 - 1;
