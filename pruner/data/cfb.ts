/**
 * The .cfb files of CIFAR-10: a batch without loss in two thirds of its bytes. After Brotli's decompression:
 *
 *   "CFB1", u32 n (little-endian), n labels, then planes [n, 32, 32] of green, of red - green and of blue - green
 *
 * A value of a plane is kept as its difference from what its neighbours at the left (a), above (b) and above left (c)
 * predict (LOCO-I, Weinberger, Seroussi and Sapiro 2000): min(a, b) where c is the largest, max(a, b) where it is the
 * least, else a + b - c; 0 beyond the border. All modulo 256.
 */
import { brotliDecompressSync } from "node:zlib";
import { ModelError } from "../../runtime/model/errors.ts";

const side = 32;
const pixels = side * side;

/** Images [N, 3, 32, 32] and labels. Throws a ModelError (starting with `what`). */
export function readCfb(file: Uint8Array, what: string): { images: Uint8Array; labels: Uint8Array } {
  let bytes: Uint8Array;
  try {
    bytes = brotliDecompressSync(file);
  } catch {
    throw new ModelError(`${what}: not a .cfb file: it is not compressed by Brotli`);
  }
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  const start = 8 + count;
  if (
    new TextDecoder().decode(bytes.subarray(0, 4)) !== "CFB1" ||
    bytes.length !== start + 3 * count * pixels
  ) {
    throw new ModelError(`${what}: not a .cfb file of ${count} images`);
  }
  const images = new Uint8Array(3 * count * pixels);
  for (let image = 0; image < count; image++) {
    const planeOf = (channel: number) =>
      images.subarray((3 * image + channel) * pixels, (3 * image + channel + 1) * pixels);
    for (const [place, channel] of [1, 0, 2].entries()) {
      const from = start + (place * count + image) * pixels;
      restore(bytes.subarray(from, from + pixels), planeOf(channel));
    }
    const [red, green, blue] = [0, 1, 2].map(planeOf);
    for (let p = 0; p < pixels; p++) {
      red[p] += green[p];
      blue[p] += green[p];
    }
  }
  return { images, labels: bytes.slice(8, start) };
}

/** Adds to each difference what its neighbours predict. */
function restore(differences: Uint8Array, plane: Uint8Array): void {
  for (let y = 0, p = 0; y < side; y++) {
    for (let x = 0; x < side; x++, p++) {
      const left = x > 0 ? plane[p - 1] : 0;
      const above = y > 0 ? plane[p - side] : 0;
      const corner = x > 0 && y > 0 ? plane[p - side - 1] : 0;
      const [low, high] = left < above ? [left, above] : [above, left];
      const predicted = corner >= high ? low : corner <= low ? high : left + above - corner;
      plane[p] = differences[p] + predicted;
    }
  }
}
