/**
 * From a picture to the tensor that a model wants. The same numbers in every browser: pixels are read at the picture's
 * own size, and resized by the loop below.
 *
 * Output pixel (x, y) of the area [dx, dx + dw) x [dy, dy + dh) that the picture fills is the picture at
 *     u = sx + (x - dx + 0.5) sw / dw - 0.5,   v = sy + (y - dy + 0.5) sh / dh - 0.5,
 * u and v kept inside the picture, between its four neighbours in proportion. Outside of the area every byte is `pad`.
 * A byte b of channel c becomes (b scale - mean[c]) / std[c].
 */

import { ModelError } from "./errors.ts";
import type { ImageInput, ImageOptions, SentImage, SentImages } from "./image.ts";
import { type Tensor, zeros } from "./tensor.ts";

export function tensorsOf(images: SentImages): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(images).map(([name, { picture, input, options }]) => [
      name,
      tensorOf(pixelsOf(picture), input, options),
    ]),
  );
}

/** RGBA pixels, row by row, not premultiplied: an ImageData, or what looks like one. */
export interface Pixels {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** `pixels` as the input. Throws a ModelError where the input is not one picture of 1, 3 or 4 channels. */
export function tensorOf(pixels: Pixels, input: ImageInput, options: ImageOptions = {}): Tensor {
  const places = placesOf(pixels, input, options);
  const { rows, columns, channels, strides, from, to, scale, pad, mean, std } = places;
  const across = taps(from.x, from.width, to.width, pixels.width);
  const down = taps(from.y, from.height, to.height, pixels.height);
  const result = zeros(input.shape, input.dtype);
  for (let c = 0; c < channels; c++) {
    const read = readerOf(pixels.data, c, channels);
    for (let y = 0; y < rows; y++) {
      const v = down[y - to.y];
      for (let x = 0; x < columns; x++) {
        const u = across[x - to.x];
        const byte = u && v ? between(read, pixels.width, u, v) : pad;
        const value = (byte * scale - mean[c]) / std[c];
        const place = c * strides.channel + y * strides.row + x * strides.column;
        result.data[place] = input.dtype === "float32" ? value : Math.round(value);
      }
    }
  }
  return result;
}

/** What becomes what: all numbers of the formula above. */
export function placesOf(size: Size, input: ImageInput, options: ImageOptions) {
  const geometry = geometryOf(input, options);
  const { rows, columns, channels } = geometry;
  const { fit = "stretch", pad = 0, mean = 0, std = 1 } = options;
  const { scale = input.dtype === "uint8" ? 1 : 1 / 255 } = options;
  return {
    ...geometry,
    ...areas(size, { width: columns, height: rows }, fit),
    scale,
    pad,
    mean: each(mean, channels, "mean"),
    std: each(std, channels, "std"),
  };
}

interface Tap {
  readonly first: number;
  readonly second: number; // the neighbour after the first
  readonly share: number; // of the second
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Area extends Size {
  readonly x: number;
  readonly y: number;
}

/** The channel as bytes, by the number of the pixel. One channel of a colour picture is its luma (BT.601). */
function readerOf(data: Pixels["data"], c: number, channels: number): (pixel: number) => number {
  if (channels > 1) return (pixel) => data[4 * pixel + c];
  return (pixel) => 0.299 * data[4 * pixel] + 0.587 * data[4 * pixel + 1] + 0.114 * data[4 * pixel + 2];
}

function between(read: (pixel: number) => number, width: number, u: Tap, v: Tap): number {
  const row = (y: number) => {
    const left = read(y * width + u.first);
    return left + (read(y * width + u.second) - left) * u.share;
  };
  const above = row(v.first);
  return v.share === 0 ? above : above + (row(v.second) - above) * v.share;
}

function taps(start: number, size: number, count: number, limit: number): Tap[] {
  return Array.from({ length: count }, (_, i) => {
    const place = Math.min(Math.max(start + ((i + 0.5) * size) / count - 0.5, 0), limit - 1);
    const first = Math.floor(place);
    return { first, second: Math.min(first + 1, limit - 1), share: place - first };
  });
}

/** The part of the picture that is seen, and the part of the output that it fills. */
function areas(
  { width, height }: Size,
  output: Size,
  fit: "stretch" | "crop" | "letterbox",
): { from: Area; to: Area } {
  const whole = { x: 0, y: 0, width, height };
  const full = { x: 0, y: 0, ...output };
  if (fit === "stretch") return { from: whole, to: full };
  if (fit === "crop") {
    const scale = Math.max(output.width / width, output.height / height);
    const [w, h] = [output.width / scale, output.height / scale];
    return { from: { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h }, to: full };
  }
  const scale = Math.min(output.width / width, output.height / height);
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)].map((n) => Math.max(n, 1));
  const [x, y] = [Math.floor((output.width - w) / 2), Math.floor((output.height - h) / 2)];
  return { from: whole, to: { x, y, width: w, height: h } };
}

/** Where the pixels of the input lie. Channels are the axis of 1, 3 or 4 before or after the two others. */
function geometryOf({ name, dtype, shape }: ImageInput, { layout }: ImageOptions) {
  const sizes = shape.slice(-3);
  const isPicture = (n: number) => n === 1 || n === 3 || n === 4;
  const isFirst = layout ? layout === "nchw" : isPicture(sizes[0]);
  const [channels, rows, columns] = isFirst ? sizes : [sizes[2], sizes[0], sizes[1]];
  const isOne = shape.length === 3 || (shape.length === 4 && shape[0] === 1);
  if (!isOne || !isPicture(channels) || (dtype !== "float32" && dtype !== "uint8")) {
    throw new ModelError(
      `input '${name}' is ${dtype} [${shape}], not a picture; expected float32 or uint8, ` +
        "[1, channels, rows, columns] or [1, rows, columns, channels] with 1, 3 or 4 channels: give a tensor",
    );
  }
  const strides = isFirst
    ? { channel: rows * columns, row: columns, column: 1 }
    : { channel: 1, row: columns * channels, column: channels };
  return { rows, columns, channels, strides };
}

function each(value: number | readonly number[], channels: number, what: string): readonly number[] {
  if (typeof value === "number") return Array<number>(channels).fill(value);
  if (value.length === channels) return value;
  throw new ModelError(`image.${what} has ${value.length} numbers; expected one, or ${channels}`);
}

let canvas: OffscreenCanvas | undefined; // one for all pictures

function pixelsOf(picture: SentImage["picture"]): Pixels {
  if ("data" in picture) return picture;
  const isFrame = "displayWidth" in picture;
  const width = isFrame ? picture.displayWidth : picture.width;
  const height = isFrame ? picture.displayHeight : picture.height;
  canvas ??= new OffscreenCanvas(width, height);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.globalCompositeOperation = "copy"; // what is transparent covers the last picture too
  context.drawImage(picture, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
