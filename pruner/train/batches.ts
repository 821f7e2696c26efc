/** Mini-batches in seeded order, each image moved by a few pixels if asked. */
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import type { Dataset } from "../data/dataset.ts";
import { permutation } from "./random.ts";

export interface Batch {
  readonly images: Tensor<"float32">; // [batch, C, H, W]
  readonly labels: Tensor<"float32">; // [batch, classes]: one-hot
}

/** One epoch of whole batches: what is left over comes in another epoch's order. The tensors are used again. */
export function* batches(
  data: Dataset,
  size: number,
  uniform: () => number,
  shift = 0,
): Generator<Batch> {
  const [total, C, H, W] = data.images.shape;
  const order = permutation(total, uniform);
  const images = tensor([size, C, H, W], new Float32Array(size * C * H * W));
  const labels = tensor([size, data.classes], new Float32Array(size * data.classes));
  for (let start = 0; start + size <= total; start += size) {
    labels.data.fill(0);
    for (let i = 0; i < size; i++) {
      const image = order[start + i];
      labels.data[i * data.classes + data.labels[image]] = 1;
      const [dy, dx] = [0, 0].map(() => Math.floor(uniform() * (2 * shift + 1)) - shift);
      copyShifted(data.images, image, images, i, dy, dx);
    }
    yield { images, labels };
  }
}

/** Copies one image, moved down by dy and right by dx; zeros come in at the border. */
function copyShifted(
  from: Tensor<"float32">,
  image: number,
  to: Tensor<"float32">,
  place: number,
  dy: number,
  dx: number,
): void {
  const [, C, H, W] = from.shape;
  const size = C * H * W;
  const source = from.data.subarray(image * size, (image + 1) * size);
  if (dy === 0 && dx === 0) {
    to.data.set(source, place * size);
    return;
  }
  const target = to.data.subarray(place * size, (place + 1) * size).fill(0);
  const [xFirst, xEnd] = [Math.max(0, dx), Math.min(W, W + dx)];
  for (let c = 0; c < C; c++) {
    for (let y = Math.max(0, dy); y < Math.min(H, H + dy); y++) {
      const row = (c * H + y - dy) * W;
      target.set(source.subarray(row + xFirst - dx, row + xEnd - dx), (c * H + y) * W + xFirst);
    }
  }
}
