/**
 * Reads labelled images from files; all but pictures and .cfb may be gzipped. Node only.
 *
 *   IMAGES,LABELS    MNIST's IDX files, or .npy arrays: images [N, C, H, W] or [N, H, W], labels [N]
 *   FILE,FILE,…      batches of CIFAR-10: the standard binary files, or .cfb
 *   FOLDER           of either, by their usual names; or of class folders of JPEG and PNG (class-folders.ts)
 *   MODULE.mjs       a module that yields batches (user-module.ts)
 *
 * Bytes become (byte / 255 - mean) / deviation; floats are taken as they are.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ModelError } from "../../runtime/model/errors.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { readCfb } from "./cfb.ts";
import { readCifar } from "./cifar.ts";
import { classFolders, type ImageSize, readClassFolders } from "./class-folders.ts";
import { checkDataset, type Dataset } from "./dataset.ts";
import { isIdx, readIdx } from "./idx.ts";
import { readNpy } from "./npy.ts";
import { type Scaling, scaler } from "./scaler.ts";
import { isModule, readUserModule } from "./user-module.ts";

export type { Scaling } from "./scaler.ts";

export type Part = "train" | "test";

/** `part` chooses the files of a folder, `size` is that of pictures. Throws a ModelError that names the file. */
export async function loadDataset(
  path: string,
  scaling: Scaling = {},
  part: Part = "train",
  size?: ImageSize,
): Promise<Dataset> {
  const dataset = isModule(path)
    ? await readUserModule(path, part)
    : await readFiles(path, scaling, part, size);
  checkDataset(dataset, path);
  return dataset;
}

async function readFiles(
  path: string,
  scaling: Scaling,
  part: Part,
  size?: ImageSize,
): Promise<Dataset> {
  const isFolder = !path.includes(",") && (await kindOf(path)) === "folder";
  const classes = isFolder ? await classFolders(path, part) : undefined;
  if (classes) return readClassFolders(classes, scaling, size);
  const names = isFolder ? await namesIn(path, part) : path.split(",");
  const files = await Promise.all(names.map(readMaybeGzipped));
  const arrays = files.map((bytes, i) => parse(bytes, names[i]));
  const data =
    names.length === 2 && arrays.every((array) => array)
      ? pair(arrays as Tensor[], names, scaling)
      : undefined;
  return data ?? batchesOfCifar(files, names, scaling);
}

async function kindOf(path: string): Promise<"file" | "folder"> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new ModelError(`data: there is no file or folder ${path}`);
  return found.isDirectory() ? "folder" : "file";
}

/** The files of a folder that belong to a part. */
async function namesIn(path: string, part: Part): Promise<string[]> {
  const found = (await readdir(path)).sort();
  const mnist = part === "train" ? "train-" : "t10k-";
  const idx = ["images", "labels"].map((kind) => found.find((name) => name.startsWith(mnist + kind)));
  if (idx[0] && idx[1]) return idx.map((name) => join(path, name!));
  const cifar = part === "train" ? /^data_batch.*\.(bin|cfb)/ : /^test_batch.*\.(bin|cfb)/;
  const batches = found.filter((name) => cifar.test(name));
  if (batches.length > 0) return batches.map((name) => join(path, name));
  throw new ModelError(
    `data: the folder ${path} holds neither ${mnist}images… and ${mnist}labels…, nor CIFAR-10's ` +
      `${part === "train" ? "data_batch_1.bin …" : "test_batch.bin"}, nor class folders of JPEG or PNG`,
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
  const batches = files.map((bytes, i) =>
    names[i].endsWith(".cfb") ? readCfb(bytes, names[i]) : readCifar(bytes, names[i]),
  );
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
  scaling: Scaling,
): Dataset {
  const scale = areBytes ? scaler(shape.slice(1), scaling) : (value: number) => value;
  const data = new Float32Array(values.length);
  for (let i = 0; i < data.length; i++) data[i] = scale(values[i], i);
  const classes = labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  return { images: tensor([...shape], data), labels, classes };
}
