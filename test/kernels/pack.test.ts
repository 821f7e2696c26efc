/** Packing: which blocks are there, and which block size is taken. */
import { expect, test } from "vitest";
import { blocksOf, expand } from "../../pruner/pattern.ts";
import { takeCensus } from "../../runtime/backends/wasm/pack.ts";
import { split, splitForPool } from "../../runtime/backends/wasm/split.ts";
import type { BlockSparse } from "../../runtime/model/sparse/format.ts";
import { decodeWeight, encodeWeight } from "../../runtime/model/sparse/index.ts";
import { tensor } from "../../runtime/model/tensor.ts";

const dense = (outputs: number, inputs: number, taps = 1) => ({
  data: new Float32Array(outputs * inputs * taps).fill(1),
  outputs,
  inputs,
  taps,
  groups: 1,
});

const pack = (weights: ReturnType<typeof dense>, stride: number, block: number) =>
  takeCensus(weights, stride).pack(block, [0]);

test.each([
  { inputs: 16, stride: 16, blocks: { 8: 2, 4: 4, 2: 8, 1: 16 } },
  { inputs: 12, stride: 16, blocks: { 8: 2, 4: 3, 2: 6, 1: 12 } },
  { inputs: 3, stride: 3, blocks: { 3: 1, 1: 3 } }, // a picture, as narrow as it is
  { inputs: 18, stride: 18, blocks: { 18: 1, 2: 9, 1: 18 } }, // a row of its taps
  { inputs: 33, stride: 33, blocks: { 11: 3, 1: 33 } },
  { inputs: 3, stride: 8, blocks: { 8: 1, 4: 1, 2: 2, 1: 3 } },
])("dense weights of $inputs inputs are $blocks blocks", ({ inputs, stride, blocks }) => {
  const { counts } = takeCensus(dense(8, inputs), stride);
  expect(Object.fromEntries([...counts].map(([k, { present }]) => [k, present[0]]))).toEqual(blocks);
});

test("only blocks with a weight in them are packed", () => {
  const weights = dense(16, 32);
  weights.data.fill(0);
  weights.data[3 * 32 + 9] = 5; // output 3, input 9: group 0, block 1
  const packed = pack(weights, 32, 8);
  expect([...packed.starts]).toEqual([0, 1, 1]);
  const at = packed.weights.indexOf(5); // [K][8]
  expect(packed.offsets[0] / 4 + Math.floor(at / 8)).toBe(9);
  expect(at % 8).toBe(3);
});

test.each([
  { rows: 16, cols: 8, outputs: 32, inputs: 24, taps: 1 },
  { rows: 8, cols: 4, outputs: 20, inputs: 22, taps: 9 }, // edges in both directions
  { rows: 16, cols: 1, outputs: 16, inputs: 5, taps: 2 },
  { rows: 8, cols: 16, outputs: 8, inputs: 20, taps: 3 },
])("weights stored in blocks of $rows x $cols pack as the decoded ones do", (the) => {
  const { rows, cols, outputs, inputs, taps } = the;
  const shape = [outputs, inputs, taps];
  const blocks = blocksOf(shape, { kind: "block", rows, cols });
  const keep = Uint8Array.from({ length: blocks.count }, (_, i) => (i % 3 === 0 ? 0 : 1));
  const weight = tensor(
    shape,
    Float32Array.from({ length: outputs * inputs * taps }, (_, i) => i + 1),
  );
  const stored = encodeWeight(weight, expand(blocks, keep)) as BlockSparse;
  const weights = { data: decodeWeight(stored).data, outputs, inputs, taps, groups: 1 };
  const tapBytes = Array.from({ length: taps }, (_, tap) => tap * 1000);
  const stride = Math.ceil(inputs / 8) * 8;
  const direct = takeCensus({ ...weights, blocks: stored }, stride);
  const [block] = direct.counts.keys();
  expect(direct.pack(block, tapBytes)).toEqual(takeCensus(weights, stride).pack(block, tapBytes));
  expect(direct.counts.get(block)).toEqual(takeCensus(weights, stride).counts.get(block));
});

test("a grouped convolution is a sparse one: outputs read their own group's channels only", () => {
  const packed = pack({ ...dense(16, 8), groups: 2 }, 16, 8);
  expect([...packed.starts]).toEqual([0, 1, 2]);
  expect([...packed.offsets]).toEqual([0, 32]);
});

test("a pool gets large pieces at the ends and small ones where they meet", () => {
  const work = new Array<number>(160).fill(1);
  const pieces = splitForPool(work, 2, 1e9);
  expect(pieces.map(([first, end]) => end - first)).toEqual([40, 20, 10, 10, 10, 10, 20, 40]);
  expect(pieces[0][0]).toBe(0);
  expect(splitForPool(work, 2, 1000)).toEqual([[0, 160]]); // too little to share
  const four = splitForPool(work, 4, 1e9).map(([first, end]) => end - first);
  expect(four.reduce((a, b) => a + b)).toBe(160);
  expect(four.slice(-3)).toEqual([20, 20, 20]);
});

test.each([
  {
    work: [1, 1, 1, 1],
    threads: 2,
    shares: [
      [0, 2],
      [2, 4],
    ],
  },
  {
    work: [4, 1, 1, 1, 1],
    threads: 2,
    shares: [
      [0, 1],
      [1, 5],
    ],
  },
  {
    work: [1],
    threads: 2,
    shares: [
      [0, 1],
      [1, 1],
    ],
  },
  {
    work: [],
    threads: 2,
    shares: [
      [0, 0],
      [0, 0],
    ],
  },
  { work: [0, 0, 3], threads: 1, shares: [[0, 3]] },
])("$work is shared as $shares", ({ work, threads, shares }) => {
  expect(split(work, threads)).toEqual(shares);
});
