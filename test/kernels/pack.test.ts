/** Packing: which blocks are there, and which block size is taken. */
import { expect, test } from "vitest";
import { packConv } from "../../runtime/backends/wasm/pack.ts";
import { split } from "../../runtime/backends/wasm/split.ts";

const dense = (outputs: number, inputs: number, taps = 1) => ({
  data: new Float32Array(outputs * inputs * taps).fill(1),
  outputs,
  inputs,
  taps,
  groups: 1,
});

test.each([
  { inputs: 16, stride: 16, block: 8 },
  { inputs: 12, stride: 16, block: 4 },
  { inputs: 3, stride: 3, block: 3 }, // a picture, as narrow as it is
  { inputs: 3, stride: 8, block: 4 },
  { inputs: 1, stride: 8, block: 1 },
])("dense weights of $inputs inputs run in blocks of $block", ({ inputs, stride, block }) => {
  expect(packConv(dense(8, inputs), [0], stride).block).toBe(block);
});

test("only blocks with a weight in them are packed", () => {
  const weights = dense(16, 32);
  weights.data.fill(0);
  weights.data[3 * 32 + 9] = 5; // output 3, input 9: group 0, block 1
  const packed = packConv(weights, [0], 32);
  expect(packed.blocks).toBe(1);
  const [first, second] = packed.groups;
  const at = first.weights.indexOf(5); // [K][8]
  expect(first.offsets[0] / 4 + Math.floor(at / 8)).toBe(9);
  expect(at % 8).toBe(3);
  expect(second.offsets).toHaveLength(0);
});

test("a grouped convolution is a sparse one: outputs read their own group's channels only", () => {
  const weights = { ...dense(16, 8), groups: 2 };
  const packed = packConv(weights, [0], 16);
  expect(packed.groups.map((group) => [...group.offsets])).toEqual([[0], [32]]);
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
