/**
 * Reads labelled images from files; each may be gzipped. Node only.
 *
 *   IMAGES,LABELS    MNIST's IDX files, or .npy arrays: images [N, C, H, W] or [N, H, W], labels [N]
 *   FILE,FILE,…      binary batches of CIFAR-10
 *   FOLDER           of either, by their usual names
 *
 * Bytes become (byte / 255 - mean) / deviation; floats are taken as they are.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ModelError } from "../../runtime/model/errors.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { readCifar } from "./cifar.ts";
import { checkDataset, type Dataset } from "./dataset.ts";
import { isIdx, readIdx } from "./idx.ts";
import { readNpy } from "./npy.ts";

export interface Scaling {
  readonly mean?: readonly number[]; // of each channel, of values 0 to 1
  readonly std?: readonly number[];
}

export type Part = "train" | "test";

/** `part` chooses the files of a folder. Throws a ModelError that names the file. */
export async function loadDataset(
  path: string,
  scaling: Scaling = {},
  part: Part = "train",
): Promise<Dataset> {
  const names = await namesOf(path, part);
  const files = await Promise.all(names.map(readMaybeGzipped));
  const arrays = files.map((bytes, i) => parse(bytes, names[i]));
  const data =
    names.length === 2 && arrays.every((array) => array)
      ? pair(arrays as Tensor[], names, scaling)
      : undefined;
  const dataset = data ?? batchesOfCifar(files, names, scaling);
  checkDataset(dataset, path);
  return dataset;
}

async function namesOf(path: string, part: Part): Promise<string[]> {
  const parts = path.split(",");
  if (parts.length > 1) return parts;
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch {
    throw new ModelError(`data: there is no file or folder ${path}`);
  }
  if (!isFolder) return parts;
  const found = (await readdir(path)).sort();
  const mnist = part === "train" ? "train-" : "t10k-";
  const idx = ["images", "labels"].map((kind) => found.find((name) => name.startsWith(mnist + kind)));
  if (idx[0] && idx[1]) return idx.map((name) => join(path, name!));
  const cifar = part === "train" ? /^data_batch.*\.bin/ : /^test_batch.*\.bin/;
  const batches = found.filter((name) => cifar.test(name));
  if (batches.length > 0) return batches.map((name) => join(path, name));
  throw new ModelError(
    `data: the folder ${path} holds neither ${mnist}images… and ${mnist}labels… nor CIFAR batches`,
  );
}

async function readMaybeGzipped(name: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(name);
  } catch {
    throw new ModelError(`data: there is no file ${name}`);
  }
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? new Uint8Array(gunzipSync(bytes)) : bytes;
}

/** An array file as a tensor; undefined for what is not one. */
function parse(bytes: Uint8Array, name: string): Tensor | undefined {
  if (bytes[0] === 0x93) return readNpy(bytes, name);
  if (!isIdx(bytes)) return undefined;
  const { shape, data } = readIdx(bytes, name);
  return { dtype: "uint8", shape, data };
}

function pair([images, labels]: Tensor[], names: readonly string[], scaling: Scaling): Dataset {
  if (labels.shape.length !== 1)
    throw new ModelError(`${names[1]}: labels have the shape [${labels.shape}]; expected [N]`);
  const { shape } = images;
  if (shape.length !== 3 && shape.length !== 4) {
    throw new ModelError(
      `${names[0]}: images have the shape [${shape}]; expected [N, C, H, W] or [N, H, W]`,
    );
  }
  const size = shape.length === 4 ? shape : [shape[0], 1, shape[1], shape[2]];
  return datasetOf(images.data, images.dtype === "uint8", size, Int32Array.from(labels.data), scaling);
}

function batchesOfCifar(
  files: readonly Uint8Array[],
  names: readonly string[],
  scaling: Scaling,
): Dataset {
  const batches = files.map((bytes, i) => readCifar(bytes, names[i]));
  const labels = batches.flatMap((batch) => Array.from(batch.labels));
  const bytes = new Uint8Array(labels.length * 3 * 32 * 32);
  let at = 0;
  for (const { images } of batches) {
    bytes.set(images, at);
    at += images.length;
  }
  return datasetOf(bytes, true, [labels.length, 3, 32, 32], Int32Array.from(labels), scaling);
}

function datasetOf(
  values: ArrayLike<number>,
  areBytes: boolean,
  shape: readonly number[],
  labels: Int32Array,
  { mean = [0], std = [1] }: Scaling,
): Dataset {
  const [, channels, height, width] = shape;
  for (const list of [mean, std]) {
    if (list.length !== 1 && list.length !== channels) {
      throw new ModelError(`data: ${list.length} means or deviations for ${channels} channels`);
    }
  }
  const data = new Float32Array(values.length);
  for (let i = 0; i < data.length; i++) {
    const c = Math.floor(i / (height * width)) % channels;
    const [m, s] = [mean[mean.length === 1 ? 0 : c], std[std.length === 1 ? 0 : c]];
    data[i] = areBytes ? (values[i] / 255 - m) / s : values[i];
  }
  const classes = labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  return { images: tensor([...shape], data), labels, classes };
}
