/** Labelled images for training and evaluation. Plain data. */
import { ModelError } from "../../runtime/model/errors.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { permutation, random } from "../train/random.ts";

export interface Dataset {
  readonly images: Tensor<"float32">; // [N, C, H, W], scaled as the network expects
  readonly labels: Int32Array; // [N]: class of each image
  readonly classes: number;
  readonly targets?: Tensor<"float32">; // [N, …]: what a loss of the user's compares outputs with
}

/** Throws a ModelError (starting with `what`) where sizes or labels do not fit. */
export function checkDataset({ images, labels, classes, targets }: Dataset, what: string): void {
  if (images.shape.length !== 4 || images.shape[0] === 0) {
    throw new ModelError(
      `${what}: images have the shape [${images.shape}]; expected [N, C, H, W] with N ≥ 1`,
    );
  }
  if (images.shape[0] !== labels.length) {
    throw new ModelError(`${what}: ${images.shape[0]} images but ${labels.length} labels`);
  }
  if (targets && targets.shape[0] !== labels.length) {
    throw new ModelError(`${what}: ${targets.shape[0]} targets but ${labels.length} images`);
  }
  const wrong = labels.find((label) => label < 0 || label >= classes);
  if (wrong !== undefined) {
    throw new ModelError(`${what}: a label is ${wrong}; expected 0 to ${classes - 1}`);
  }
}

/** The images with these indices, copied. */
export function subset(
  { images, labels, classes, targets }: Dataset,
  indices: ArrayLike<number>,
): Dataset {
  return {
    images: rowsOf(images, indices),
    labels: Int32Array.from({ length: indices.length }, (_, i) => labels[indices[i]]),
    classes,
    ...(targets && { targets: rowsOf(targets, indices) }),
  };
}

/** The rows [N, …] with these indices, copied. */
function rowsOf({ shape, data }: Tensor<"float32">, indices: ArrayLike<number>): Tensor<"float32"> {
  const [, ...size] = shape;
  const elements = size.reduce((a, b) => a * b, 1);
  const rows = new Float32Array(indices.length * elements);
  for (let i = 0; i < indices.length; i++) {
    rows.set(data.subarray(indices[i] * elements, (indices[i] + 1) * elements), i * elements);
  }
  return tensor([indices.length, ...size], rows);
}

/** The first `count` images, as a view. */
export function first({ images, labels, classes, targets }: Dataset, count: number): Dataset {
  const n = Math.min(count, labels.length);
  const view = ({ shape: [, ...size], data }: Tensor<"float32">) =>
    tensor([n, ...size], data.subarray(0, n * size.reduce((a, b) => a * b, 1)));
  return {
    images: view(images),
    labels: labels.subarray(0, n),
    classes,
    ...(targets && { targets: view(targets) }),
  };
}

/** Two parts in seeded random order, the second of `held` images. */
export function split(data: Dataset, held: number, seed: number): [rest: Dataset, held: Dataset] {
  const order = permutation(data.labels.length, random(seed));
  const cut = order.length - held;
  return [subset(data, order.subarray(0, cut)), subset(data, order.subarray(cut))];
}
