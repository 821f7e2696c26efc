/** The table of sparse formats, and what is done with a weight whatever its format. */
import { ModelError } from "../errors.ts";
import type { Mask } from "../pattern.ts";
import { bytesPerElement, sizeOf, type Tensor, viewOf } from "../tensor.ts";
import { block, encodeBlock, encodeBlocks } from "./block.ts";
import { checkMask } from "./check.ts";
import { csr, encodeRows } from "./csr.ts";
import type { SparseEncoder, SparseFormat, SparseTensor } from "./format.ts";
import { encodeGroups, nm } from "./nm.ts";
import { bitsOf, type Indices, packedBytes } from "./packed.ts";

export const formats = { block, "n:m": nm, unstructured: csr } satisfies {
  [F in SparseTensor["format"]]: SparseFormat<Extract<SparseTensor, { format: F }>>;
};

export const encoders = { block: encodeBlock, "n:m": encodeGroups, unstructured: encodeRows } satisfies {
  [F in SparseTensor["format"]]: SparseEncoder<Extract<SparseTensor, { format: F }>>;
};

/** The dense weight. A dense tensor passes through. */
export function decodeWeight(constant: Tensor | SparseTensor): Tensor<"float32"> {
  if ("format" in constant) return formatOf(constant).decode(constant);
  if (constant.dtype !== "float32") {
    throw new ModelError(`a weight is float32; this constant [${constant.shape}] is ${constant.dtype}`);
  }
  return constant as Tensor<"float32">;
}

/**
 * Stores the kept elements of `weight` in the format of the mask's pattern; a mask that keeps all
 * gives the weight back. Throws a ModelError on a mask that contradicts its own pattern.
 */
export function encodeWeight(weight: Tensor<"float32">, mask: Mask): Tensor | SparseTensor {
  const [outputs, inputs] = checkMask(weight, mask);
  if (mask.keep.every((keep) => keep !== 0)) return weight;
  const { pattern } = mask;
  if (pattern.kind !== "channel") return encoders[pattern.kind](weight, mask);
  // A channel as a row of blocks 1 x inputs: one index a tap, where CSR would store one a weight.
  checkChannels(mask, outputs);
  return encodeBlocks(weight, mask, [1, inputs]);
}

/** Throws a ModelError (starting with `what`) where lengths or indices do not fit the shape. */
export function checkWeight(constant: Tensor | SparseTensor, what: string): void {
  if ("format" in constant) {
    formatOf(constant).check(constant, what);
    return;
  }
  const size = sizeOf(constant.shape, what);
  if (constant.data.length !== size) {
    throw new ModelError(
      `${what}: [${constant.shape}] needs ${size} values, there are ${constant.data.length}`,
    );
  }
  const expected = viewOf(constant.dtype, new ArrayBuffer(0), 0, 0).constructor;
  if (constant.data.constructor !== expected) {
    throw new ModelError(`${what}: ${constant.dtype} is held by a ${constant.data.constructor.name}`);
  }
}

/** Bytes of the constant in a model file: values, and indices as narrow as they can be. */
export function storedBytes(constant: Tensor | SparseTensor): number {
  if (!("format" in constant)) return constant.data.length * bytesPerElement(constant.dtype);
  const indices = indexParts(constant).reduce(
    (sum, [, part]) => sum + packedBytes(part.length, bitsOf(part)),
    0,
  );
  return indices + constant.values.byteLength;
}

/** The index arrays of a sparse tensor, by name: all that it holds beside its values. */
export function indexParts(t: SparseTensor): [name: string, indices: Indices][] {
  return t.format === "n:m"
    ? [["indices", t.indices]]
    : [
        ["rowPtr", t.rowPtr],
        ["colIdx", t.colIdx],
      ];
}

/** The table's entry of `t`, which is all that may be passed to it. */
function formatOf(t: SparseTensor): SparseFormat<SparseTensor> {
  const format = Object.hasOwn(formats, t.format) ? formats[t.format] : undefined;
  if (!format) {
    const known = Object.keys(formats).join(", ");
    throw new ModelError(`sparse format "${t.format}" is not known; expected one of ${known}`);
  }
  return format as SparseFormat<SparseTensor>;
}

function checkChannels(mask: Mask, outputs: number): void {
  const size = mask.keep.length / outputs;
  for (let output = 0; output < outputs; output++) {
    const row = mask.keep.subarray(output * size, (output + 1) * size);
    const kept = row.reduce((count, keep) => count + (keep ? 1 : 0), 0);
    if (kept !== 0 && kept !== size) {
      throw new ModelError(
        `mask: output ${output} keeps ${kept} of ${size} elements; a channel is kept or removed whole`,
      );
    }
  }
}
