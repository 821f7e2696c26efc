/** The IDX files of MNIST (yann.lecun.com): uint8 images [N, H, W] and labels [N]; numbers are big-endian. */
import { ModelError } from "../../runtime/model/errors.ts";

export interface Idx {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** True if the bytes start as an IDX file of uint8 does. */
export function isIdx(bytes: Uint8Array): boolean {
  return bytes.length > 4 && bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 8 && bytes[3] >= 1;
}

/** Throws a ModelError (starting with `what`) where the length does not fit. */
export function readIdx(bytes: Uint8Array, what: string): Idx {
  const rank = bytes[3];
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw new ModelError(`${what}: the IDX header of rank ${rank} is cut off`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((a, b) => a * b, 1);
  if (bytes.length - start !== size) {
    throw new ModelError(
      `${what}: an IDX array [${shape}] needs ${size} bytes, there are ${bytes.length - start}`,
    );
  }
  return { shape, data: bytes.subarray(start) };
}
