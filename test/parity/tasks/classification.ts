/** Classifiers: the fraction of pictures whose greatest output is their class. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { sharedPath } from "../../shared.ts";
import { crop, type Picture, readJpeg, resize, toPlanes } from "./pictures.ts";
import { rankOf } from "./ranking.ts";
import type { Figure, Score, Task } from "./task.ts";

type Pixel = (value: number, channel: number) => number;

/** Counts pictures whose class is among the `best` outputs; the first `skipped` outputs are no classes. */
export function accuracy(labels: ArrayLike<number>, best: readonly number[] = [1], skipped = 0): Score {
  const right = best.map(() => 0);
  let seen = 0;
  return {
    add([{ data }], first, count) {
      const width = data.length / count;
      for (let i = 0; i < count; i++) {
        const values = (data as Float32Array).subarray(i * width + skipped, (i + 1) * width);
        const rank = rankOf(values, labels[first + i]);
        best.forEach((n, j) => {
          if (rank < n) right[j]++;
        });
      }
      seen += count;
    },
    figures: () => right.map((count) => (100 * count) / seen),
  };
}

const top1 = (published: number, digits = 2): Figure => ({ name: "top-1 %", digits, published });

const cifarBytes = 1 + 3 * 32 * 32; // label, then planes of red, green, blue
let cifarRecords: Promise<Uint8Array> | undefined;

/** The 10 000 test images of CIFAR-10, enlarged to size x size where that is not 32. */
export async function cifar10(pixel: Pixel, published: Figure | number, size = 32): Promise<Task> {
  cifarRecords ??= import(pathToFileURL(sharedPath("tools/cfb.mjs")).href).then(({ decode }) =>
    decode(readFileSync(sharedPath("cifar10/test_batch.cfb"))),
  );
  const records = await cifarRecords;
  const labels = Uint8Array.from({ length: 10_000 }, (_, i) => records[i * cifarBytes]);
  return {
    samples: labels.length,
    of: "images",
    batch: 50,
    figures: [typeof published === "number" ? top1(published) : published],
    input: (first, count) =>
      stack([3, size, size], first, count, (i) => {
        const planes = records.subarray(i * cifarBytes + 1, (i + 1) * cifarBytes);
        if (size === 32) return Float32Array.from(planes, (v, at) => pixel(v, at >> 10));
        const { width, height, data } = resize(interleave(planes), size, size);
        return toPlanes({ width, height, data: Array.from(data, Math.round) }, pixel);
      }),
    score: () => accuracy(labels),
  };
}

function interleave(planes: Uint8Array): Picture {
  const data = Uint8Array.from(planes, (_, i) => planes[(i % 3) * 1024 + Math.floor(i / 3)]);
  return { width: 32, height: 32, data };
}

/** The 10 000 test digits of MNIST, 0 to 1. */
export function mnist(published: number): Task {
  const read = (file: string) => gunzipSync(readFileSync(sharedPath(`mnist/${file}.gz`)));
  const images = read("t10k-images-idx3-ubyte").subarray(16);
  const labels = read("t10k-labels-idx1-ubyte").subarray(8);
  return {
    samples: labels.length,
    of: "digits",
    batch: 50,
    figures: [top1(published)],
    input: (first, count) =>
      stack([1, 28, 28], first, count, (i) =>
        Float32Array.from(images.subarray(i * 784, (i + 1) * 784), (v) => v / 255),
      ),
    score: () => accuracy(labels),
  };
}

const crops = new Map<number, Picture>(); // of ImageNet pictures, decoded once for all networks

/** 1000 pictures of ImageNet, one a class in order; the middle 224 x 224 of 256 x 256. */
export function imagenet1000(
  pixel: Pixel,
  published: readonly [top1: number, top5: number],
  background = 0, // outputs before the classes
): Task {
  const cropOf = (i: number) => {
    const path = sharedPath(`imagenet1k-samples/images/${String(i).padStart(4, "0")}.jpg`);
    if (!crops.has(i)) crops.set(i, crop(readJpeg(path), 16, 16, 224));
    return crops.get(i)!;
  };
  const labels = Uint16Array.from({ length: 1000 }, (_, i) => i);
  return {
    samples: labels.length,
    of: "pictures",
    batch: 1,
    figures: [top1(published[0], 1), { name: "top-5 %", digits: 1, published: published[1] }],
    input: (first, count) => stack([3, 224, 224], first, count, (i) => toPlanes(cropOf(i), pixel)),
    score: () => accuracy(labels, [1, 5], background),
  };
}

/** [count, ...shape] of what `sample` gives for each. */
export function stack(
  shape: readonly number[],
  first: number,
  count: number,
  sample: (i: number) => ArrayLike<number>,
): Tensor<"float32"> {
  const size = shape.reduce((a, b) => a * b);
  const data = new Float32Array(count * size);
  for (let i = 0; i < count; i++) data.set(sample(first + i), i * size);
  return tensor([count, ...shape], data);
}
