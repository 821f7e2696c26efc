/** TensorProto -> Tensor: integers become int32 (or uint8), double and float16 float32; the bytes are copied. */
import { ModelError } from "../../runtime/model/errors.ts";
import { type DataOf, type DType, type Shape, sizeOf, type Tensor } from "../../runtime/model/tensor.ts";
import type { TensorProto } from "./onnx_pb.ts";
import { dataTypes, nameIn } from "./onnx-types.ts";

/** The bytes of a file that a model names, beside it; undefined where there is none. */
export type External = (location: string) => Uint8Array | undefined;

/** Throws a ModelError starting with `what` on an element type, a shape or a length that does not fit. */
export function importTensor(proto: TensorProto, what: string, external?: External): Tensor {
  const shape = proto.dims.map((dim) => Number(dim));
  const size = sizeOf(shape, what);
  const read = readers[proto.dataType];
  if (!read) throw unsupportedType(proto.dataType, what);
  const isOutside = proto.dataLocation !== 0 || proto.externalData.length > 0;
  if (!isOutside) return read(proto, shape, size, what);
  return read({ ...proto, rawData: externalBytes(proto, size, what, external) }, shape, size, what);
}

/** The part of another file that holds the tensor's data. */
function externalBytes(
  proto: TensorProto,
  size: number,
  what: string,
  external: External | undefined,
): Uint8Array<ArrayBuffer> {
  const field = (key: string) => proto.externalData.find((entry) => entry.key === key)?.value;
  const location = field("location") ?? "";
  if (location === "" || /^([\\/]|\w:)|(^|[\\/])\.\.([\\/]|$)/.test(location)) {
    throw new ModelError(`${what}: its data lie in "${location}"; expected a file beside the model`);
  }
  const file = external?.(location);
  if (!file) {
    throw new ModelError(
      `${what}: its data lie in "${location}", which is not there; put it beside the model, or export the model with all weights inside the file`,
    );
  }
  const offset = Number(field("offset") ?? 0);
  const length = Number(field("length") ?? file.length - offset);
  if (!(offset >= 0 && length >= 0 && offset + length <= file.length)) {
    throw new ModelError(
      `${what}: its data are bytes ${offset} to ${offset + length} of "${location}", which has ${file.length}; is it the right file?`,
    );
  }
  if (size > 0 && length === 0) throw new ModelError(`${what}: "${location}" holds no data for it`);
  return new Uint8Array(file.subarray(offset, offset + length));
}

/** The dtype that a tensor of ONNX's element type becomes. */
export function importDType(dataType: number, what: string): DType {
  const dtype = dtypeOf[dataType];
  if (!dtype) throw unsupportedType(dataType, what);
  return dtype;
}

const dtypeOf: Readonly<Record<number, DType | undefined>> = {
  [dataTypes.float]: "float32",
  [dataTypes.float16]: "float32",
  [dataTypes.double]: "float32",
  [dataTypes.int32]: "int32",
  [dataTypes.int64]: "int32",
  [dataTypes.int8]: "int32",
  [dataTypes.int16]: "int32",
  [dataTypes.uint16]: "int32",
  [dataTypes.uint32]: "int32",
  [dataTypes.uint64]: "int32",
  [dataTypes.bfloat16]: "float32",
  [dataTypes.uint8]: "uint8",
  [dataTypes.bool]: "bool",
};

type Reader = (proto: TensorProto, shape: Shape, size: number, what: string) => Tensor;

const readers: Readonly<Record<number, Reader | undefined>> = {
  [dataTypes.float]: (proto, shape, size, what) => {
    const raw = rawData(proto, size, 4, what);
    return made(
      "float32",
      shape,
      raw ? new Float32Array(raw) : Float32Array.from(typed(proto.floatData, size, what)),
    );
  },
  [dataTypes.double]: (proto, shape, size, what) => {
    const raw = rawData(proto, size, 8, what);
    return made(
      "float32",
      shape,
      Float32Array.from(raw ? new Float64Array(raw) : typed(proto.doubleData, size, what)),
    );
  },
  [dataTypes.float16]: (proto, shape, size, what) => {
    const raw = rawData(proto, size, 2, what);
    const halves = raw ? new Uint16Array(raw) : typed(proto.int32Data, size, what);
    return made("float32", shape, Float32Array.from(halves, halfToNumber));
  },
  [dataTypes.int32]: (proto, shape, size, what) => {
    const raw = rawData(proto, size, 4, what);
    return made(
      "int32",
      shape,
      raw ? new Int32Array(raw) : Int32Array.from(typed(proto.int32Data, size, what)),
    );
  },
  [dataTypes.bfloat16]: (proto, shape, size, what) => {
    const raw = rawData(proto, size, 2, what);
    const halves = raw ? new Uint16Array(raw) : typed(proto.int32Data, size, what);
    const bits = Uint32Array.from(halves, (half) => half * 65536);
    return made("float32", shape, new Float32Array(bits.buffer));
  },
  [dataTypes.int64]: (proto, shape, size, what) =>
    narrowed(proto, BigInt64Array, proto.int64Data, shape, size, what),
  [dataTypes.uint64]: (proto, shape, size, what) =>
    narrowed(proto, BigUint64Array, [], shape, size, what),
  [dataTypes.uint32]: (proto, shape, size, what) => narrowed(proto, Uint32Array, [], shape, size, what),
  [dataTypes.int8]: (proto, shape, size, what) =>
    narrowed(proto, Int8Array, proto.int32Data, shape, size, what),
  [dataTypes.int16]: (proto, shape, size, what) =>
    narrowed(proto, Int16Array, proto.int32Data, shape, size, what),
  [dataTypes.uint16]: (proto, shape, size, what) =>
    narrowed(proto, Uint16Array, proto.int32Data, shape, size, what),
  [dataTypes.uint8]: (proto, shape, size, what) => {
    const raw = rawData(proto, size, 1, what);
    return made(
      "uint8",
      shape,
      raw ? new Uint8Array(raw) : Uint8Array.from(typed(proto.int32Data, size, what)),
    );
  },
  [dataTypes.bool]: (proto, shape, size, what) => {
    const raw = rawData(proto, size, 1, what);
    const values = raw ? new Uint8Array(raw) : typed(proto.int32Data, size, what);
    return made(
      "bool",
      shape,
      Uint8Array.from(values, (value) => (value ? 1 : 0)),
    );
  },
};

/** Whole numbers of any width as int32. */
function narrowed(
  proto: TensorProto,
  array: (new (
    buffer: ArrayBuffer,
  ) => ArrayLike<number | bigint>) & { readonly BYTES_PER_ELEMENT: number },
  values: readonly (number | bigint)[],
  shape: Shape,
  size: number,
  what: string,
): Tensor {
  const raw = rawData(proto, size, array.BYTES_PER_ELEMENT, what);
  const found = raw ? new array(raw) : typed([...values], size, what);
  const data = new Int32Array(size);
  for (let i = 0; i < size; i++) data[i] = narrow(BigInt(found[i]), what);
  return made("int32", shape, data);
}

/** An int64 as a number. The two extremes, which stand for "to the end" in slices, become those of int32. */
export function narrow(value: bigint, what: string): number {
  if (value === 2n ** 63n - 1n) return 2 ** 31 - 1;
  if (value === -(2n ** 63n)) return -(2 ** 31);
  if (value >= 2n ** 31n || value < -(2n ** 31n)) {
    throw new ModelError(
      `${what}: the int64 value ${value} does not fit int32; larger ones are not supported`,
    );
  }
  return Number(value);
}

/** The value of IEEE half-precision bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** An aligned copy of raw_data, or undefined where the values are in a typed field. */
function rawData(
  proto: TensorProto,
  size: number,
  bytesEach: number,
  what: string,
): ArrayBuffer | undefined {
  const raw = proto.rawData;
  if (raw.length === 0) return undefined;
  if (raw.length !== size * bytesEach) {
    throw new ModelError(
      `${what}: shape [${proto.dims}] needs ${size * bytesEach} bytes of raw_data, found ${raw.length}`,
    );
  }
  return new Uint8Array(raw).buffer; // not slice(): of a Buffer that is a view
}

function typed<T>(values: T[], size: number, what: string): T[] {
  if (values.length !== size)
    throw new ModelError(`${what}: its shape needs ${size} values, found ${values.length}`);
  return values;
}

function made<D extends DType>(dtype: D, shape: Shape, data: DataOf[D]): Tensor {
  return { dtype, shape, data } as unknown as Tensor;
}

function unsupportedType(dataType: number, what: string): ModelError {
  return new ModelError(
    `${what}: the element type ${nameIn(dataTypes, dataType)} is not supported; supported: floats, integers of 8 to 64 bits, bool`,
  );
}
