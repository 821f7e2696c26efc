/**
 * NCHW tensors for engines that keep images as NHWC. The reordering is not the engine's work and is kept out of its
 * time: an input is reordered once, an output when its values are first read.
 */
import { type Tensor, zeros } from "../../runtime/model/tensor.ts";

const reordered = new WeakMap<object, Tensor>(); // by the values in NCHW

/** An image in NHWC; other tensors as they are. The caller must not change the values of an input afterwards. */
export function toImageOrder(value: Tensor): Tensor {
  if (value.shape.length !== 4) return value;
  const known = reordered.get(value.data);
  if (known) return known;
  const [n, c, h, w] = value.shape;
  const result = { ...value, shape: [n, h, w, c], data: exchange(value, [n, c, h * w]) } as Tensor;
  reordered.set(value.data, result);
  return result;
}

/** The inverse, of values that an engine has made. */
export function fromImageOrder(value: Tensor): Tensor {
  if (value.shape.length !== 4) return value;
  const [n, h, w, c] = value.shape;
  let data: Tensor["data"] | undefined;
  return {
    dtype: value.dtype,
    shape: [n, c, h, w],
    get data() {
      data ??= exchange(value, [n, h * w, c]);
      return data;
    },
  } as Tensor;
}

/** [n, rows, cols] -> [n, cols, rows]. */
function exchange({ data, dtype }: Tensor, [n, rows, cols]: readonly number[]): Tensor["data"] {
  const result = zeros([n, cols, rows], dtype).data;
  for (let i = 0, at = 0; i < n; i++) {
    for (let col = 0; col < cols; col++) {
      for (let row = 0; row < rows; row++, at++) result[at] = data[(i * rows + row) * cols + col];
    }
  }
  return result;
}
