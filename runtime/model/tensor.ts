/** Tensors: a dtype, a shape and row-major data. Plain data: structured clone carries them. */
import { ModelError } from "./errors.ts";

/** Sizes, outermost first. `[]` is a scalar. */
export type Shape = readonly number[];

/** ONNX's int64 becomes int32 at import (checked for range): no BigInt reaches the runtime. */
export interface DataOf {
  readonly float32: Float32Array;
  readonly int32: Int32Array;
  readonly uint8: Uint8Array;
  readonly bool: Uint8Array;
}
export type DType = keyof DataOf;

export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: DataOf[D]; // [sizeOf(shape)], row-major
}

const constructors = {
  float32: Float32Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

export const dtypes = Object.keys(constructors) as DType[];

/** The most elements a tensor may have: keeps every byte offset below 2^31. */
export const maxElements = 2 ** 29;

/** Number of elements. Throws a ModelError on a size that is no whole number ≥ 0, or a product over `maxElements`. */
export function sizeOf(shape: Shape, what = "tensor"): number {
  let size = 1;
  for (const dim of shape) {
    if (!Number.isInteger(dim) || dim < 0) {
      throw new ModelError(`${what}: shape [${shape}] has the size ${dim}; sizes are whole numbers ≥ 0`);
    }
    size *= dim;
    if (size > maxElements) {
      throw new ModelError(`${what}: shape [${shape}] overflows: at most ${maxElements} elements`);
    }
  }
  return size;
}

/** `data` seen as a tensor (not copied). Throws a ModelError if its length does not fit `shape`. */
export function tensor(shape: Shape, data: Float32Array): Tensor<"float32">;
export function tensor<D extends DType>(shape: Shape, data: DataOf[D], dtype: D): Tensor<D>;
export function tensor(shape: Shape, data: DataOf[DType], dtype: DType = "float32"): Tensor {
  const size = sizeOf(shape);
  if (data.length !== size) {
    throw new ModelError(`tensor [${shape}] needs ${size} values, got ${data.length}`);
  }
  return { dtype, shape, data } as Tensor;
}

/** A tensor of zeros. */
export function zeros<D extends DType = "float32">(shape: Shape, dtype: D = "float32" as D): Tensor<D> {
  return { dtype, shape, data: new constructors[dtype](sizeOf(shape)) } as unknown as Tensor<D>;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

export function bytesPerElement(dtype: DType): number {
  return constructors[dtype].BYTES_PER_ELEMENT;
}

/** A typed view of `length` elements at `byteOffset` (which must be aligned). */
export function viewOf<D extends DType>(
  dtype: D,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): DataOf[D] {
  return new constructors[dtype](buffer as ArrayBuffer, byteOffset, length) as unknown as DataOf[D];
}
