import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadDigits } from "../../demo/digits/data.ts";
import { type Dataset, split } from "../../pruner/data/dataset.ts";
import { loadDataset } from "../../pruner/data/load.ts";
import { readNpy, writeNpy } from "../../pruner/data/npy.ts";
import { batches } from "../../pruner/train/batches.ts";
import { random } from "../../pruner/train/random.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { hasShared, sharedPath } from "../shared.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "filigree-data-"));
});
afterAll(() => rm(folder, { recursive: true }));

const write = async (name: string, bytes: Uint8Array) => {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
};

/** An IDX file of uint8. */
function idx(shape: number[], data: number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => {
    new DataView(bytes.buffer).setUint32(4 + 4 * axis, size);
  });
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

const bytes = (data: Float32Array | Int32Array) =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength);

const pixels = [0, 255, 51, 102, 0, 0, 255, 255];

test("a pair of gzipped IDX files, and the folder that holds them, are read as scaled images", async () => {
  const images = await write("train-images-idx3-ubyte.gz", gzipSync(idx([2, 2, 2], pixels)));
  const labels = await write("train-labels-idx1-ubyte.gz", gzipSync(idx([2], [3, 1])));
  const data = await loadDataset(`${images},${labels}`);
  expect(data.images.shape).toEqual([2, 1, 2, 2]);
  expect([...data.images.data.slice(0, 3)]).toEqual([0, 1, Math.fround(0.2)]);
  expect([...data.labels]).toEqual([3, 1]);
  expect(data.classes).toBe(4);
  expect(await loadDataset(folder)).toEqual(data);

  const scaled = await loadDataset(folder, { mean: [0.5], std: [0.25] });
  expect([...scaled.images.data.slice(0, 2)]).toEqual([-2, 2]);
});

test("a CIFAR-10 batch is read plane by plane", async () => {
  const records = new Uint8Array(2 * 3073);
  records.set([7, 255], 0);
  records.set([9], 3073);
  records[3073 + 1 + 1024] = 51;
  const data = await loadDataset(await write("data_batch_1.bin", records), {}, "train");
  expect(data.images.shape).toEqual([2, 3, 32, 32]);
  expect([...data.labels]).toEqual([7, 9]);
  expect(data.images.data[0]).toBe(1);
  expect(data.images.data[3072 + 1024]).toBe(Math.fround(0.2));
});

test("floats of a .npy pair are taken as they are", async () => {
  const images = tensor([2, 1, 1, 2], Float32Array.of(-1, 2, 3, 4));
  const paths = [
    await write("x.npy", writeNpy(images)),
    await write("y.npy", writeNpy(tensor([2], Int32Array.of(1, 0), "int32"))),
  ];
  const data = await loadDataset(paths.join(","));
  expect(data.images).toEqual(images);
  expect([...data.labels]).toEqual([1, 0]);
});

test.each([[[]], [[3]], [[2, 3, 4]]])("a .npy array of shape %j reads back", (shape) => {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, random(4));
  const file = writeNpy(tensor(shape, data));
  expect(readNpy(file, "x")).toEqual(tensor(shape, data));
  expect(() => readNpy(file.subarray(0, file.length - 1), "x")).toThrow("x: [");
});

test.each([
  ["nowhere", "there is no file or folder"],
  ["a.bin", "not whole CIFAR-10 records"],
  ["cut.idx,labels.idx", "needs 8 bytes, there are 7"],
  ["images.idx,three.idx", "2 images but 3 labels"],
])("%s is refused", async (names, message) => {
  await write("a.bin", new Uint8Array(100));
  await write("cut.idx", idx([2, 2, 2], pixels.slice(1)));
  await write("images.idx", idx([2, 2, 2], pixels));
  await write("labels.idx", idx([2], [0, 1]));
  await write("three.idx", idx([3], [0, 1, 2]));
  const path = names.split(",").map((name) => join(folder, name));
  await expect(loadDataset(path.join(","))).rejects.toThrow(message);
});

test.skipIf(!hasShared)("MNIST's own test files are read", async () => {
  const path = ["images-idx3", "labels-idx1"].map((kind) => sharedPath(`mnist/t10k-${kind}-ubyte.gz`));
  const data = await loadDataset(path.join(","));
  expect(data.images.shape).toEqual([10000, 1, 28, 28]);
  expect([...data.labels.slice(0, 5)]).toEqual([7, 2, 1, 0, 4]);
});

test("the digits are 10 000 images, split the same way for the same seed, in two parts that share none", async () => {
  const [a, b] = [await loadDigits(1, 2000), await loadDigits(1, 2000)];
  const bytesOf = ({ images, labels }: Dataset) => Buffer.concat([bytes(images.data), bytes(labels)]);
  expect(bytesOf(a.train).equals(bytesOf(b.train))).toBe(true);
  expect(bytesOf(a.test).equals(bytesOf(b.test))).toBe(true);
  expect(a.train.labels.length + a.test.labels.length).toBe(10000);
  expect(new Set(a.test.labels).size).toBe(10);
  const keys = ({ images, labels }: Dataset) =>
    Array.from(labels, (_, i) =>
      createHash("md5")
        .update(bytes(images.data.subarray(i * 784, (i + 1) * 784)))
        .digest("hex"),
    );
  const seen = new Set(keys(a.train));
  expect(keys(a.test).filter((key) => seen.has(key))).toEqual([]);
});

test("an epoch has every image once, shifted ones keep their values inside the frame", () => {
  const count = 12;
  const data = Float32Array.from({ length: count * 16 }, (_, i) =>
    i % 16 === 5 ? 1 + Math.floor(i / 16) : 0,
  );
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  const set = { images: tensor([count, 1, 4, 4], data), labels, classes: 3 };
  for (const shift of [0, 1]) {
    const seen: number[] = [];
    const places = new Set<number>();
    for (const { images, labels: oneHot } of batches(set, { size: 4, seed: 2, shift }, 1)) {
      for (let i = 0; i < 4; i++) {
        const image = images.data.slice(i * 16, (i + 1) * 16);
        const place = image.findIndex((value) => value > 0);
        places.add(place);
        seen.push(image[place] - 1);
        expect(oneHot.data[i * 3 + ((image[place] - 1) % 3)]).toBe(1);
      }
    }
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(places.size > 1).toBe(shift > 0);
  }
});

test("a split keeps every image", () => {
  const labels = Int32Array.from({ length: 10 }, (_, i) => i);
  const set = { images: tensor([10, 1, 1, 1], Float32Array.from(labels)), labels, classes: 10 };
  const [rest, held] = split(set, 3, 1);
  expect([rest.labels.length, held.labels.length]).toEqual([7, 3]);
  expect([...rest.labels, ...held.labels].sort()).toEqual([...labels]);
  expect([...held.images.data]).toEqual([...held.labels]);
});
