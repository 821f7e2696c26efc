/** JPEG and PNG files as pixels, cut and scaled to the size that a network takes. Node only. */
import { ModelError } from "../../runtime/model/errors.ts";

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array; // [height, width, 4]: red, green, blue, alpha
}

/** By its first bytes, whatever its name. Throws a ModelError (starting with `what`). */
export async function decodePicture(bytes: Uint8Array, what: string): Promise<Picture> {
  const isPng = bytes[0] === 0x89 && bytes[1] === 0x50;
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isPng && !isJpeg) throw new ModelError(`${what}: neither JPEG nor PNG`);
  const { png, jpeg } = await decoders();
  try {
    if (isPng) return png.sync.read(Buffer.from(bytes));
    return jpeg.decode(bytes, { useTArray: true, maxMemoryUsageInMB: 1024 });
  } catch (error) {
    throw new ModelError(`${what}: cannot be decoded: ${(error as Error).message}`);
  }
}

/** Optional packages: who has no pictures needs none. */
async function decoders() {
  try {
    const [{ PNG: png }, { default: jpeg }] = await Promise.all([import("pngjs"), import("jpeg-js")]);
    return { png, jpeg };
  } catch {
    throw new ModelError(
      "pictures are decoded by jpeg-js and pngjs, which are not installed: npm install jpeg-js pngjs",
    );
  }
}

/**
 * Planes [channels, height, width] of 0 to 255: the largest part in the middle that has the asked proportions, scaled.
 * Three channels are red, green and blue; one is their luma (Rec. 601).
 */
export function toPlanes(
  { width, height, data }: Picture,
  [channels, toHeight, toWidth]: readonly [number, number, number],
): Float32Array {
  const scale = Math.min(width / toWidth, height / toHeight);
  const columns = weightsOf(width, toWidth, scale);
  const rows = weightsOf(height, toHeight, scale);
  const planes = new Float32Array(channels * toHeight * toWidth);
  const line = new Float32Array(height * toWidth); // scaled across, not yet down
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (const [x, { first, weights }] of columns.entries()) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) {
          const at = 4 * (y * width + first + k);
          const value =
            channels === 1
              ? 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]
              : data[at + c];
          sum += weights[k] * value;
        }
        line[y * toWidth + x] = sum;
      }
    }
    for (const [y, { first, weights }] of rows.entries()) {
      for (let x = 0; x < toWidth; x++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * line[(first + k) * toWidth + x];
        planes[(c * toHeight + y) * toWidth + x] = sum;
      }
    }
  }
  return planes;
}

/** Of each target place: which of `from` places it is made of. A triangle as wide as `scale`, at least linear. */
function weightsOf(
  from: number,
  to: number,
  scale: number,
): { readonly first: number; readonly weights: Float64Array }[] {
  const reach = Math.max(1, scale);
  const offset = (from - to * scale) / 2;
  return Array.from({ length: to }, (_, place) => {
    const middle = offset + (place + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(middle - reach));
    const end = Math.min(from, Math.floor(middle + reach) + 1);
    const weights = Float64Array.from({ length: Math.max(1, end - first) }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k - middle) / reach),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => (sum > 0 ? weight / sum : 1 / weights.length)) };
  });
}
