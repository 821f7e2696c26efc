/**
 * A module of the user's that yields batches, for any data there is:
 *
 *   export async function* batches({ part }) {     part: "train" or "test"
 *     yield { images: { shape: [N, C, H, W], data: Float32Array }, labels: [class, …] };
 *   }
 *   export const classes = 10;                     optional: else the largest label and one
 *
 * Batches may differ in N. They are taken once and kept in memory; values are taken as they are. Node only.
 */
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ModelError } from "../../runtime/model/errors.ts";
import { sizeOf, tensor } from "../../runtime/model/tensor.ts";
import type { Dataset } from "./dataset.ts";

export interface UserBatch {
  readonly images: { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
  readonly labels: ArrayLike<number>; // [N]
}

export interface UserModule {
  batches(options: { readonly part: "train" | "test" }): AsyncIterable<UserBatch> | Iterable<UserBatch>;
  readonly classes?: number;
}

export const isModule = (path: string): boolean => /\.[cm]?[jt]s$/.test(path);

/** Throws a ModelError (starting with the path) where the module does not do what it should. */
export async function readUserModule(path: string, part: "train" | "test"): Promise<Dataset> {
  await access(path).catch(() => {
    throw new ModelError(`data: there is no file ${path}`);
  });
  const module = (await import(
    /* @vite-ignore */ pathToFileURL(resolve(path)).href
  )) as Partial<UserModule>;
  if (typeof module.batches !== "function") {
    throw new ModelError(
      `${path}: exports no function batches({ part }) that yields { images, labels }`,
    );
  }
  const parts: Float32Array[] = [];
  const labels: number[] = [];
  let size: readonly number[] | undefined;
  for await (const batch of module.batches({ part })) {
    const where = `${path}: batch ${parts.length} of ${part}`;
    const shape = batch?.images?.shape;
    if (!Array.isArray(shape) || shape.length !== 4 || !batch.images.data || !batch.labels) {
      throw new ModelError(`${where}: expected { images: { shape: [N, C, H, W], data }, labels }`);
    }
    size ??= shape.slice(1);
    if (size.some((length, axis) => length !== shape[axis + 1])) {
      throw new ModelError(`${where}: images are [${shape.slice(1)}], those before [${size}]`);
    }
    const elements = sizeOf(shape, where);
    if (batch.images.data.length !== elements || batch.labels.length !== shape[0]) {
      throw new ModelError(
        `${where}: [${shape}] has ${batch.images.data.length} values and ${batch.labels.length} labels; ` +
          `expected ${elements} and ${shape[0]}`,
      );
    }
    // A copy: the module may use its array again.
    parts.push(Float32Array.from(batch.images.data));
    labels.push(...Array.from(batch.labels));
  }
  if (!size || labels.length === 0) throw new ModelError(`${path}: yields no batch of ${part}`);
  const data = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const values of parts) {
    data.set(values, at);
    at += values.length;
  }
  const classes = module.classes ?? labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  return { images: tensor([labels.length, ...size], data), labels: Int32Array.from(labels), classes };
}
