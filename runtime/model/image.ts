/** A picture that is given for an input: what it is, and how it becomes the tensor. */
import type { DType, Shape } from "./tensor.ts";

/** How a picture becomes the tensor of an input: a byte b of channel c becomes (b * scale - mean[c]) / std[c]. */
export interface ImageOptions {
  /** "stretch" (default) ignores proportions; "crop" keeps the middle; "letterbox" shows all, between bars. */
  readonly fit?: "stretch" | "crop" | "letterbox";
  readonly scale?: number; // default 1/255: values from 0 to 1; of an input of bytes, 1
  readonly mean?: number | readonly number[]; // one for all channels or one each; default 0
  readonly std?: number | readonly number[]; // default 1
  readonly pad?: number; // the byte of the bars, default 0
  /** Where the channels are; by default the first of the last three sizes if that is 1, 3 or 4, else the last. */
  readonly layout?: "nchw" | "nhwc";
}

export interface ImageInput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A picture on its way: the worker makes the tensor of it that the input wants. */
export interface SentImage {
  readonly picture: ImageData | ImageBitmap | VideoFrame;
  readonly input: ImageInput;
  readonly options: ImageOptions;
}

/** By the name of the input. */
export type SentImages = Readonly<Record<string, SentImage>>;
