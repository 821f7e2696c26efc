/** The binary batches of CIFAR-10: records of one label byte and 3x32x32 bytes, red, then green, then blue. */
import { ModelError } from "../../runtime/model/errors.ts";

const pixels = 3 * 32 * 32;

/** Images [N, 3, 32, 32] and labels. Throws a ModelError (starting with `what`) where the length does not fit. */
export function readCifar(bytes: Uint8Array, what: string): { images: Uint8Array; labels: Uint8Array } {
  const count = bytes.length / (pixels + 1);
  if (!Number.isInteger(count) || count === 0) {
    throw new ModelError(
      `${what}: ${bytes.length} bytes are not whole CIFAR-10 records of ${pixels + 1}`,
    );
  }
  const images = new Uint8Array(count * pixels);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const record = bytes.subarray(i * (pixels + 1), (i + 1) * (pixels + 1));
    labels[i] = record[0];
    images.set(record.subarray(1), i * pixels);
  }
  return { images, labels };
}
