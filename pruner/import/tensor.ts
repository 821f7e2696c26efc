/** TensorProto -> Tensor: int64 narrows to int32, double and float16 to what float32 is; the bytes are copied. */
import { ModelError } from "../../runtime/model/errors.ts";
import { type DataOf, type DType, type Shape, sizeOf, type Tensor } from "../../runtime/model/tensor.ts";
import type { TensorProto } from "./onnx_pb.ts";
import { dataTypes, nameIn } from "./onnx-types.ts";

/** Throws a ModelError starting with `what` on an element type, a shape or a length that does not fit. */
export function importTensor(proto: TensorProto, what: string): Tensor {
  if (proto.dataLocation !== 0 || proto.externalData.length > 0) {
    const location = proto.externalData.find(({ key }) => key === "location")?.value ?? "another file";
    throw new ModelError(
      `${what}: its data lie in "${location}"; export the model with all weights inside the file`,
    );
  }
  const shape = proto.dims.map((dim) => Number(dim));
  const size = sizeOf(shape, what);
  const read = readers[proto.dataType];
  if (!read) throw unsupportedType(proto.dataType, what);
  return read(proto, shape, size, what);
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
  [dataTypes.int64]: (proto, shape, size, what) => {
    const raw = rawData(proto, size, 8, what);
    const longs = raw ? new BigInt64Array(raw) : typed(proto.int64Data, size, what);
    const data = new Int32Array(size);
    for (let i = 0; i < size; i++) data[i] = narrow(longs[i], what);
    return made("int32", shape, data);
  },
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
    `${what}: the element type ${nameIn(dataTypes, dataType)} is not supported; supported: float, float16, double, int32, int64, uint8, bool`,
  );
}
