/** The values of constant tensors: dense or sparse, float16 and quantized int8 as float32, int64 as int32. */
import { ModelError } from "../../../runtime/model/errors.ts";
import { type DType, sizeOf, type Tensor, zeros } from "../../../runtime/model/tensor.ts";
import type { Table } from "./flatbuffer.ts";
import { tensorTypes } from "./schema.ts";
import { decodeSparse } from "./sparse.ts";

const readers: Readonly<Record<string, { dtype: DType; bytes: number; at: ReadAt }>> = {
  float32: { dtype: "float32", bytes: 4, at: (view, offset) => view.getFloat32(offset, true) },
  float16: { dtype: "float32", bytes: 2, at: (view, offset) => float16(view.getUint16(offset, true)) },
  int32: { dtype: "int32", bytes: 4, at: (view, offset) => view.getInt32(offset, true) },
  int64: { dtype: "int32", bytes: 8, at: (view, offset) => narrow(view.getBigInt64(offset, true)) },
  uint8: { dtype: "uint8", bytes: 1, at: (view, offset) => view.getUint8(offset) },
  int8: { dtype: "float32", bytes: 1, at: (view, offset) => view.getInt8(offset) }, // quantized ones only
  bool: { dtype: "bool", bytes: 1, at: (view, offset) => view.getUint8(offset) },
};
type ReadAt = (view: DataView, offset: number) => number;

/**
 * Undefined where the tensor is computed while running. `room` is how many values may still be made of the file, which
 * could name one buffer many times; `reading` says who asks.
 */
export function constantOf(
  { name, type, shape, buffer, quantization, sparsity }: Table<"Tensor">,
  buffers: readonly Table<"Buffer">[],
  room: { values: number },
  reading: string,
): Tensor | undefined {
  const what = `${reading}: the tensor '${name}'`;
  const stored = buffers[buffer];
  if (!stored) throw new ModelError(`${what} names the buffer ${buffer} of ${buffers.length}`);
  if (stored.offset > 1) throw new ModelError(`${what} lies outside of the file's tables`);
  if (stored.data.length === 0) return undefined;
  const isQuantized = quantization !== undefined && quantization.scale.length > 0;
  const isInt8 = type === tensorTypes.int8 && isQuantized;
  if (isQuantized && !isInt8 && type !== tensorTypes.float32 && type !== tensorTypes.float16) {
    throw new ModelError(
      `${what} is quantized, of the type ${type}; expected float32, float16 or int8 weights: convert the model without full integer quantization`,
    );
  }
  if (isInt8 && sparsity)
    throw new ModelError(`${what} is sparse and int8; expected float32 or float16`);
  const typeName = Object.entries(tensorTypes).find(([, number]) => number === type)?.[0];
  const reader = typeName && (typeName !== "int8" || isInt8) ? readers[typeName] : undefined;
  if (!reader) {
    const known = Object.keys(readers).join(", ");
    throw new ModelError(`${what} is of the type ${type}; supported: ${known}`);
  }
  const { data } = stored;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const dims = Array.from(shape);
  const size = sizeOf(dims, what);
  room.values -= size;
  if (room.values < 0) throw new ModelError(`${what} [${dims}] is too large for the size of the file`);
  const count = data.length / reader.bytes;
  if (!sparsity) {
    if (count !== size) throw new ModelError(`${what} [${dims}] needs ${size} values, has ${count}`);
    const result = zeros(dims, reader.dtype);
    for (let i = 0; i < size; i++) result.data[i] = reader.at(view, i * reader.bytes);
    if (isInt8) dequantize(result, quantization, what);
    return result;
  }
  if (reader.dtype !== "float32" || !Number.isInteger(count)) {
    throw new ModelError(`${what} is sparse and ${typeName}; expected float32 or float16`);
  }
  const values = Float32Array.from({ length: count }, (_, i) => reader.at(view, i * reader.bytes));
  return decodeSparse(sparsity, dims, values, what);
}

/** (value - zero point) scale, in place. */
function dequantize(
  { shape, data }: Tensor,
  { scale, zeroPoint, quantizedDimension: axis }: Table<"QuantizationParameters">,
  what: string,
): void {
  const isVector = scale.length > 1;
  const size = isVector ? shape[axis] : 1;
  if (scale.length !== size || (zeroPoint.length > 1 && zeroPoint.length !== size))
    throw new ModelError(`${what} [${shape}] has ${scale.length} scales along dimension ${axis}`);
  const inner = isVector ? shape.slice(axis + 1).reduce((a, b) => a * b, 1) : data.length;
  for (let i = 0; i < data.length; i++) {
    const at = Math.floor(i / inner) % size;
    const zero = Number(zeroPoint[zeroPoint.length > 1 ? at : 0] ?? 0n);
    data[i] = (data[i] - zero) * scale[at];
  }
}

/** 1 sign, 5 exponent, 10 fraction bits. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** An int64 that says "to the end" is cut to int32's range, which says the same. */
function narrow(value: bigint): number {
  return Number(value < -(2n ** 31n) ? -(2n ** 31n) : value > 2n ** 31n - 1n ? 2n ** 31n - 1n : value);
}
