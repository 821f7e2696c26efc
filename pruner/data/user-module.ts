/**
 * A module of the user's that yields batches, for any data there is:
 *
 *   export async function* batches({ part }) {     part: "train" or "test"
 *     yield { images: { shape: [N, C, H, W], data: Float32Array }, labels: [class, …] };
 *   }
 *   export const classes = 10;                     optional: else the largest label and one
 *   export function loss(op, outputs, batch) { … } optional: a loss of one's own (train/loss.ts)
 *
 * For such a loss a batch may bring  targets: { shape: [N, …], data }  and then needs no labels.
 * Batches may differ in N. They are taken once and kept in memory; values are taken as they are. Node only.
 */
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ModelError } from "../../runtime/model/errors.ts";
import { sizeOf, tensor } from "../../runtime/model/tensor.ts";
import type { LossFunction } from "../train/loss.ts";
import type { Dataset } from "./dataset.ts";

export interface UserBatch {
  readonly images: { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
  readonly labels?: ArrayLike<number>; // [N]
  readonly targets?: { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
}

export interface UserModule {
  batches(options: { readonly part: "train" | "test" }): AsyncIterable<UserBatch> | Iterable<UserBatch>;
  readonly classes?: number;
  readonly loss?: LossFunction;
}

export const isModule = (path: string): boolean => /\.[cm]?[jt]s$/.test(path);

/** The module's own loss, where it has one. */
export async function lossOfModule(path: string): Promise<LossFunction | undefined> {
  const { loss } = await open(path);
  if (loss !== undefined && typeof loss !== "function") {
    throw new ModelError(`${path}: exports a loss that is no function (op, outputs, batch)`);
  }
  return loss;
}

async function open(path: string): Promise<Partial<UserModule>> {
  await access(path).catch(() => {
    throw new ModelError(`data: there is no file ${path}`);
  });
  return import(/* @vite-ignore */ pathToFileURL(resolve(path)).href);
}

/** Throws a ModelError (starting with the path) where the module does not do what it should. */
export async function readUserModule(path: string, part: "train" | "test"): Promise<Dataset> {
  const module = await open(path);
  if (typeof module.batches !== "function") {
    throw new ModelError(
      `${path}: exports no function batches({ part }) that yields { images, labels }`,
    );
  }
  const images: Float32Array[] = [];
  const targets: Float32Array[] = [];
  const labels: number[] = [];
  let size: readonly number[] | undefined;
  let targetSize: readonly number[] | undefined;
  for await (const batch of module.batches({ part })) {
    const where = `${path}: batch ${images.length} of ${part}`;
    const shape = batch?.images?.shape;
    if (!Array.isArray(shape) || shape.length !== 4 || !batch.images.data) {
      throw new ModelError(`${where}: expected { images: { shape: [N, C, H, W], data }, labels }`);
    }
    const [count] = shape;
    if (!batch.labels && !batch.targets)
      throw new ModelError(`${where}: has neither labels nor targets`);
    if (batch.labels && batch.labels.length !== count) {
      throw new ModelError(`${where}: ${count} images but ${batch.labels.length} labels`);
    }
    size = sameSize(size, shape, `${where}: images`);
    // A copy: the module may use its array again.
    images.push(copied(batch.images, `${where}: images`));
    labels.push(...(batch.labels ? Array.from(batch.labels) : new Array<number>(count).fill(0)));
    if (!batch.targets) continue;
    targetSize = sameSize(targetSize, batch.targets.shape, `${where}: targets`);
    targets.push(copied(batch.targets, `${where}: targets`));
  }
  const count = labels.length;
  if (!size || count === 0) throw new ModelError(`${path}: yields no batch of ${part}`);
  if (targets.length > 0 && targets.length < images.length) {
    throw new ModelError(`${path}: some batches of ${part} have targets, others have none`);
  }
  const classes = module.classes ?? labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  return {
    images: tensor([count, ...size], joined(images)),
    labels: Int32Array.from(labels),
    classes,
    ...(targetSize && { targets: tensor([count, ...targetSize], joined(targets)) }),
  };
}

type Values = NonNullable<UserBatch["targets"]>;

function copied({ shape, data }: Values, what: string): Float32Array {
  const elements = sizeOf(shape, what);
  if (data.length !== elements) {
    throw new ModelError(`${what}: [${shape}] has ${data.length} values; expected ${elements}`);
  }
  return Float32Array.from(data);
}

/** The size of one, where it is that of those before. */
function sameSize(
  size: readonly number[] | undefined,
  [, ...own]: readonly number[],
  what: string,
): readonly number[] {
  if (!size || size.join() === own.join()) return own;
  throw new ModelError(`${what} are [${own}], those before [${size}]`);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
