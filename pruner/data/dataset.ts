/** Labelled images for training and evaluation. Plain data. */
import { ModelError } from "../../runtime/model/errors.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { permutation, random } from "../train/random.ts";

export interface Dataset {
  readonly images: Tensor<"float32">; // [N, C, H, W], scaled as the network expects
  readonly labels: Int32Array; // [N]: class of each image
  readonly classes: number;
}

/** Throws a ModelError (starting with `what`) where sizes or labels do not fit. */
export function checkDataset({ images, labels, classes }: Dataset, what: string): void {
  if (images.shape.length !== 4 || images.shape[0] === 0) {
    throw new ModelError(
      `${what}: images have the shape [${images.shape}]; expected [N, C, H, W] with N ≥ 1`,
    );
  }
  if (images.shape[0] !== labels.length) {
    throw new ModelError(`${what}: ${images.shape[0]} images but ${labels.length} labels`);
  }
  const wrong = labels.find((label) => label < 0 || label >= classes);
  if (wrong !== undefined) {
    throw new ModelError(`${what}: a label is ${wrong}; expected 0 to ${classes - 1}`);
  }
}

/** The images with these indices, copied. */
export function subset({ images, labels, classes }: Dataset, indices: ArrayLike<number>): Dataset {
  const [, ...size] = images.shape;
  const pixels = size.reduce((a, b) => a * b, 1);
  const data = new Float32Array(indices.length * pixels);
  for (let i = 0; i < indices.length; i++) {
    data.set(images.data.subarray(indices[i] * pixels, (indices[i] + 1) * pixels), i * pixels);
  }
  return {
    images: tensor([indices.length, ...size], data),
    labels: Int32Array.from({ length: indices.length }, (_, i) => labels[indices[i]]),
    classes,
  };
}

/** The first `count` images, as a view. */
export function first({ images, labels, classes }: Dataset, count: number): Dataset {
  const [total, ...size] = images.shape;
  const n = Math.min(count, total);
  const data = images.data.subarray(0, n * size.reduce((a, b) => a * b, 1));
  return { images: tensor([n, ...size], data), labels: labels.subarray(0, n), classes };
}

/** Two parts in seeded random order, the second of `held` images. */
export function split(data: Dataset, held: number, seed: number): [rest: Dataset, held: Dataset] {
  const order = permutation(data.labels.length, random(seed));
  const cut = order.length - held;
  return [subset(data, order.subarray(0, cut)), subset(data, order.subarray(cut))];
}
