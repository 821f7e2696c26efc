/** Bytes to what a network expects: (byte / 255 - mean) / deviation of its channel. */
import { ModelError } from "../../runtime/model/errors.ts";

export interface Scaling {
  readonly mean?: readonly number[]; // of each channel, of values 0 to 1; one for all
  readonly std?: readonly number[];
}

/** Of a value at a place in images [N, C, H, W]. */
export function scaler(
  [channels, height, width]: readonly number[],
  { mean = [0], std = [1] }: Scaling,
): (byte: number, place: number) => number {
  for (const list of [mean, std]) {
    if (list.length !== 1 && list.length !== channels) {
      throw new ModelError(`data: ${list.length} means or deviations for ${channels} channels`);
    }
  }
  if (std.includes(0)) throw new ModelError("data: a deviation is 0");
  const pixels = height * width;
  return (byte, place) => {
    const c = Math.floor(place / pixels) % channels;
    return (byte / 255 - mean[mean.length === 1 ? 0 : c]) / std[std.length === 1 ? 0 : c];
  };
}
