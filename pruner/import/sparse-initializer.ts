/** SparseTensorProto -> Tensor: values with their places, written out with zeros. `pack` finds these again. */
import { ModelError } from "../../runtime/model/errors.ts";
import { sizeOf, stridesOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import type { SparseTensorProto } from "./onnx_pb.ts";
import { importTensor } from "./tensor.ts";

/** A small file may not claim a large tensor: from so many elements on, one in `sparsest` must be there. */
const manyElements = 2 ** 22;
const sparsest = 1000;

/**
 * `values` [n], and `indices`: [n] places in the row-major tensor, or [n, rank] coordinates, ascending in both. Throws
 * a ModelError starting with `what`.
 */
export function importSparse({ values, indices, dims }: SparseTensorProto, what: string): Tensor {
  if (!values || !indices) throw new ModelError(`${what}: its values or their indices are missing`);
  const shape = dims.map((dim) => Number(dim));
  const size = sizeOf(shape, what);
  const kept = importTensor(values, `${what}: values`);
  const places = importTensor(indices, `${what}: indices`);
  const count = kept.data.length;
  if (kept.dtype !== "float32")
    throw new ModelError(
      `${what}: sparse values of ${kept.dtype} are not supported; supported: float32`,
    );
  if (size > manyElements && size > sparsest * count) {
    throw new ModelError(`${what}: [${shape}] of ${count} values is too sparse to be written out`);
  }
  const isFlat = places.shape.length === 1;
  const expected = isFlat ? [count] : [count, shape.length];
  if (places.dtype !== "int32" || places.shape.join() !== expected.join()) {
    throw new ModelError(
      `${what}: indices are ${places.dtype} [${places.shape}]; expected int64 [${count}] or [${count}, ${shape.length}]`,
    );
  }
  const strides = isFlat ? [1] : stridesOf(shape);
  const limits = isFlat ? [size] : shape;
  const data = new Float32Array(size);
  let last = -1;
  for (let i = 0; i < count; i++) {
    let at = 0;
    for (const [axis, stride] of strides.entries()) {
      const index = places.data[i * strides.length + axis];
      if (index < 0 || index >= limits[axis]) {
        throw new ModelError(`${what}: index ${index} of value ${i} is outside of [${shape}]`);
      }
      at += index * stride;
    }
    if (at <= last) throw new ModelError(`${what}: the indices do not ascend at value ${i}`);
    data[at] = kept.data[i];
    last = at;
  }
  return tensor(shape, data);
}
