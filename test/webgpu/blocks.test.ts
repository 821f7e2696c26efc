/** Which blocks the product kernel takes of a weight, and what it then does: no GPU is asked for. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { chooseBlocks, nameOf, pack, type Weights } from "../../runtime/backends/webgpu/pack.ts";
import type { SparsityPattern } from "../../runtime/model/pattern.ts";
import { decodeWeight, encodeWeight } from "../../runtime/model/sparse/index.ts";
import { randomMask } from "../formats/examples.ts";
import { randomTensor } from "../random.ts";
import { docsPath, trafficOf, trafficTable } from "./traffic.ts";

function weightsOf(shape: number[], pattern: SparsityPattern, density: number, groups = 1): Weights {
  const dense = randomTensor(shape, 1, 0.5, 1);
  const { data } = decodeWeight(encodeWeight(dense, randomMask(shape, pattern, density, 2)));
  const taps = shape.slice(2).reduce((a, b) => a * b, 1);
  return { data, outputs: shape[0], inputs: shape[1], taps, groups };
}

describe("the blocks that cost the least", () => {
  const rows: [claim: string, pattern: SparsityPattern, density: number, blocks: string][] = [
    ["dense weights: 64 outputs at once", { kind: "unstructured" }, 1, "64x8"],
    ["16x8: the same", { kind: "block", rows: 16, cols: 8 }, 0.3, "16x8"],
    ["32x8: the same", { kind: "block", rows: 32, cols: 8 }, 0.3, "32x8"],
    ["8x4: the same", { kind: "block", rows: 8, cols: 4 }, 0.3, "8x4"],
    [
      "2:4 shared by 16 outputs: single columns of 16",
      { kind: "n:m", n: 2, m: 4, rows: 16 },
      0.6,
      "16x1",
    ],
    ["30 % anywhere: no block is empty, so dense", { kind: "unstructured" }, 0.3, "64x8"],
    ["2 % anywhere: single rows", { kind: "unstructured" }, 0.02, "1x1"],
  ];
  test.each(rows)("%s", (_claim, pattern, density, blocks) => {
    expect(nameOf(chooseBlocks(weightsOf([128, 64, 3, 3], pattern, density)))).toBe(blocks);
  });
});

test("every weight is in exactly one block, and row groups come in the order of their lengths", () => {
  const weights = weightsOf([40, 24, 3, 3], { kind: "block", rows: 16, cols: 8 }, 0.4);
  for (const shape of [
    { rows: 16, cols: 8 },
    { rows: 8, cols: 4 },
    { rows: 4, cols: 1 },
  ]) {
    const { index, rowGroups, values, rows, cols } = pack(weights, shape);
    const found = new Float32Array(weights.data.length);
    let longest = Infinity;
    for (let g = 0; g < rowGroups; g++) {
      const [first, end, output, outputs] = index.subarray(g * 4, g * 4 + 4);
      expect(end - first).toBeLessThanOrEqual(longest);
      expect(((end - first) * cols) % 8).toBe(0);
      longest = end - first;
      for (let b = first; b < end; b++) {
        const [tap, input] = [index[rowGroups * 4 + b] >>> 16, index[rowGroups * 4 + b] & 0xffff];
        for (let c = 0; c < cols; c++) {
          for (let r = 0; r < outputs; r++) {
            found[((output + r) * 24 + input + c) * 9 + tap] += values[(b * cols + c) * rows + r];
          }
        }
      }
    }
    expect(found).toEqual(weights.data);
  }
});

test("at 70 % in 16x8 blocks a third of the work is left", () => {
  const pattern = { kind: "block", rows: 16, cols: 8 } as const;
  const dense = trafficOf(weightsOf([256, 256, 3, 3], pattern, 1), 56 * 56);
  const sparse = trafficOf(weightsOf([256, 256, 3, 3], pattern, 0.3), 56 * 56);
  expect(sparse.fmas / dense.fmas).toBeLessThan(0.33);
  expect(sparse.workgroupReads / dense.workgroupReads).toBeLessThan(0.33);
  expect(sparse.weightBytes / dense.weightBytes).toBeLessThan(0.33);
});

test("docs/webgpu.md holds the counts of today: npx tsx test/webgpu/traffic.ts writes them", () => {
  expect(readFileSync(docsPath, "utf8")).toContain(trafficTable());
});
