/**
 * Mini-batches in seeded order, each image moved, mirrored or partly covered if asked. A batch follows from the seed,
 * the epoch and its place alone, so that a run can go on anywhere.
 */
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import type { Dataset } from "../data/dataset.ts";
import { permutation, random, seedOf } from "./random.ts";

export interface Batch {
  readonly images: Tensor<"float32">; // [batch, C, H, W]
  readonly labels: Tensor<"float32">; // [batch, classes]: one-hot, or smoothed
  readonly targets?: Tensor<"float32">; // [batch, …]: the data's, where it has them
}

export interface Augmentation {
  readonly shift?: number; // moved by up to so many pixels; zeros come in at the border
  readonly flip?: boolean; // every second one mirrored, left to right
  readonly cutout?: number; // a square of so many pixels a side is set to 0 (DeVries & Taylor 2017)
}

export interface BatchOptions extends Augmentation {
  readonly size: number;
  readonly seed?: number;
  readonly labelSmoothing?: number; // this part of each label is spread over all classes
  readonly epochImages?: number; // so many images an epoch; all unless given
}

/** Whole batches an epoch has. */
export function batchesPerEpoch(data: Dataset, { size, epochImages = Infinity }: BatchOptions): number {
  return Math.floor(Math.min(data.labels.length, epochImages) / size);
}

/** An epoch of whole batches, from `first` on: what is left over comes in another epoch. The tensors are used again. */
export function* batches(
  data: Dataset,
  options: BatchOptions,
  epoch: number,
  first = 0,
): Generator<Batch> {
  const { size, seed = 0, labelSmoothing = 0 } = options;
  const [total, C, H, W] = data.images.shape;
  const order = permutation(total, random(seedOf(seed, epoch)));
  const images = tensor([size, C, H, W], new Float32Array(size * C * H * W));
  const labels = tensor([size, data.classes], new Float32Array(size * data.classes));
  const [, ...targetSize] = data.targets?.shape ?? [];
  const elements = targetSize.reduce((a, b) => a * b, 1);
  const targets = data.targets && tensor([size, ...targetSize], new Float32Array(size * elements));
  const count = batchesPerEpoch(data, options);
  for (let batch = first; batch < count; batch++) {
    const uniform = random(seedOf(seed, epoch, batch));
    labels.data.fill(labelSmoothing / data.classes);
    for (let i = 0; i < size; i++) {
      const image = order[batch * size + i];
      labels.data[i * data.classes + data.labels[image]] += 1 - labelSmoothing;
      copyAugmented(data.images, image, images, i, options, uniform);
      const row = data.targets?.data.subarray(image * elements, (image + 1) * elements);
      if (row) targets!.data.set(row, i * elements);
    }
    yield { images, labels, targets };
  }
}

function copyAugmented(
  from: Tensor<"float32">,
  image: number,
  to: Tensor<"float32">,
  place: number,
  { shift = 0, flip = false, cutout = 0 }: Augmentation,
  uniform: () => number,
): void {
  const [, C, H, W] = from.shape;
  const size = C * H * W;
  const source = from.data.subarray(image * size, (image + 1) * size);
  const target = to.data.subarray(place * size, (place + 1) * size);
  const [dy, dx] = [0, 0].map(() => Math.floor(uniform() * (2 * shift + 1)) - shift);
  copyShifted(source, target, [C, H, W], dy, dx);
  if (flip && uniform() < 0.5)
    for (let row = 0; row < size; row += W) target.subarray(row, row + W).reverse();
  if (cutout > 0) {
    const [y, x] = [H, W].map((length) => Math.floor(uniform() * length - cutout / 2 + 0.5));
    const [xFirst, xEnd] = [Math.max(0, x), Math.min(W, x + cutout)];
    for (let c = 0; c < C; c++) {
      for (let row = Math.max(0, y); row < Math.min(H, y + cutout); row++) {
        target.fill(0, (c * H + row) * W + xFirst, (c * H + row) * W + xEnd);
      }
    }
  }
}

/** Copies one image, moved down by dy and right by dx; zeros come in at the border. */
function copyShifted(
  source: Float32Array,
  target: Float32Array,
  [C, H, W]: readonly [number, number, number],
  dy: number,
  dx: number,
): void {
  if (dy === 0 && dx === 0) {
    target.set(source);
    return;
  }
  target.fill(0);
  const [xFirst, xEnd] = [Math.max(0, dx), Math.min(W, W + dx)];
  for (let c = 0; c < C; c++) {
    for (let y = Math.max(0, dy); y < Math.min(H, H + dy); y++) {
      const row = (c * H + y - dy) * W;
      target.set(source.subarray(row + xFirst - dx, row + xEnd - dx), (c * H + y) * W + xFirst);
    }
  }
}
