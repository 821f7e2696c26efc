import fc from "fast-check";
import { expect, test } from "vitest";
import {
  blockBudget,
  blockRms,
  blocksOf,
  count,
  expand,
  fewestKept,
  keepGlobally,
  keepInGroups,
  keptBlocks,
  sparsityOf,
  topK,
} from "../../pruner/pattern.ts";
import { random } from "../../pruner/train/random.ts";
import { formatPattern, parsePattern } from "../../runtime/model/pattern.ts";

const scoresOf = (n: number, seed: number) => Float64Array.from({ length: n }, random(seed));

test.each([
  { shape: [32, 16, 3, 3], pattern: "16x8", blocks: 2 * 9 * 2, sizes: [128] },
  { shape: [20, 12, 3, 3], pattern: "16x8", blocks: 2 * 9 * 2, sizes: [128, 64, 32, 16] },
  { shape: [6, 10], pattern: "4x4", blocks: 2 * 3, sizes: [16, 8, 4] },
  { shape: [6, 10, 1, 5], pattern: "channel", blocks: 6, sizes: [50] },
  { shape: [3, 5, 2, 2], pattern: "unstructured", blocks: 60, sizes: [1] },
  { shape: [3, 5, 2, 2], pattern: "2:4", blocks: 60, sizes: [1] },
])("$shape falls into $blocks blocks of $pattern", ({ shape, pattern, blocks, sizes }) => {
  const grid = blocksOf(shape, parsePattern(pattern));
  expect(grid.count).toBe(blocks);
  expect(new Set(grid.sizes)).toEqual(new Set(sizes));
  expect(grid.sizes.reduce((a, b) => a + b)).toBe(shape.reduce((a, b) => a * b));
});

test("a block is 16 outputs x 8 inputs of one tap, stored by output row, tap, input", () => {
  const [outputs, inputs, taps] = [32, 16, 9];
  const grid = blocksOf([outputs, inputs, 3, 3], { kind: "block", rows: 16, cols: 8 });
  const element = (output: number, input: number, tap: number) => (output * inputs + input) * taps + tap;
  expect(grid.of[element(0, 0, 0)]).toBe(0);
  expect(grid.of[element(15, 7, 0)]).toBe(0);
  expect(grid.of[element(0, 8, 0)]).toBe(1);
  expect(grid.of[element(0, 0, 1)]).toBe(2);
  expect(grid.of[element(16, 0, 0)]).toBe(18);
});

test("of equal scores the one with the lower index is kept", () => {
  expect([...topK([1, 3, 3, 2, 3], 2)]).toEqual([0, 1, 1, 0, 0]);
});

test("the k largest are those of a sort, whatever their sign and size, equal ones too", () => {
  const score = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1, -1, 1e-310, 1e300, Number.NEGATIVE_INFINITY),
  );
  fc.assert(
    fc.property(fc.array(score, { minLength: 1, maxLength: 60 }), fc.nat(60), (scores, k) => {
      const order = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
      const expected = new Uint8Array(scores.length);
      for (const i of order.slice(0, k)) expected[i] = 1;
      expect(topK(scores, k)).toEqual(expected);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("a score that is not a number is refused", () => {
  expect(() => topK([1, Number.NaN], 1)).toThrow("score of block 1");
});

test("one ranking over all layers keeps exactly the budget and obeys the pattern", () => {
  const layers = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 20 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(
      layers,
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      fc.nat(),
      (shapes, sparsity, seed) => {
        const grids = shapes.map((shape) =>
          blocksOf([...shape, 3], { kind: "block", rows: 4, cols: 3 }),
        );
        const scores = grids.map((grid, l) => scoresOf(grid.count, seed + l));
        const keeps = keepGlobally(scores, sparsity, 0.98);
        const total = grids.reduce((sum, grid) => sum + grid.count, 0);
        const kept = grids.map((grid, l) => keptBlocks(expand(grid, keeps[l])));
        expect(kept.reduce((a, b) => a + b)).toBe(blockBudget(total, sparsity));
        for (const [l, grid] of grids.entries())
          expect(kept[l]).toBeGreaterThanOrEqual(fewestKept(grid.count, 0.98));
      },
    ),
    { seed: 1 },
  );
});

test("a layer whose scores are all the lowest still keeps 1 - maxSparsity of its blocks", () => {
  const keeps = keepGlobally([new Float64Array(100), new Float64Array(100).fill(1)], 0.5, 0.98);
  expect(keeps.map(count)).toEqual([2, 98]);
});

test("a sparsity that no layer can give is refused with what to change", () => {
  const tooSparse = () => keepGlobally([new Float64Array(10), new Float64Array(10)], 0.98, 0.98);
  expect(tooSparse).toThrow("lower the sparsity");
});

test.each([
  [[5, 7, 3], 2, 4],
  [[4, 8], 2, 4],
  [[3, 9, 2, 2], 1, 8],
  [[5, 9], 2, 4, 2],
])(
  "n:m over [%s] keeps the %i largest of every %i inputs of an output and tap",
  (shape, n, m, rows = 1) => {
    const grid = blocksOf(shape, { kind: "n:m", n, m, rows });
    const scores = scoresOf(grid.count, 7);
    const keep = keepInGroups(scores, grid, { kind: "n:m", n, m, rows });
    const [, inputs] = shape;
    for (let row = 0; row < grid.count; row += inputs) {
      for (let first = 0; first < inputs; first += m) {
        const group = Array.from({ length: Math.min(m, inputs - first) }, (_, i) => row + first + i);
        const best = group.toSorted((a, b) => scores[b] - scores[a]).slice(0, n);
        expect(group.filter((b) => keep[b])).toEqual(best.toSorted((a, b) => a - b));
      }
    }
    expect(keptBlocks(expand(grid, keep))).toBe(count(keep));
  },
);

test("a mask that cuts a block is refused", () => {
  const mask = expand(blocksOf([4, 4], { kind: "block", rows: 2, cols: 2 }), Uint8Array.of(1, 0, 0, 1));
  expect(keptBlocks(mask)).toBe(2);
  expect(sparsityOf(mask)).toBe(0.5);
  mask.keep[0] = 0;
  expect(() => keptBlocks(mask)).toThrow("keeps 3 of 4");
});

test("a group that keeps more than n is refused", () => {
  const pattern = parsePattern("2:4");
  const keep = Uint8Array.of(1, 1, 1, 0);
  expect(() => keptBlocks({ pattern, shape: [1, 4], keep })).toThrow("more than 2");
});

test("the score of a block is the root mean square of its weights, at the edge too", () => {
  const grid = blocksOf([3, 2], { kind: "block", rows: 2, cols: 2 });
  const rms = blockRms(grid, Float32Array.of(1, 1, 1, 1, 3, 4));
  expect([...rms]).toEqual([1, Math.sqrt(12.5)]);
});

test.each(["block:16x8", "2:4", "2:4x8", "channel", "unstructured"])(
  "the pattern %s reads back",
  (text) => {
    expect(formatPattern(parsePattern(text))).toBe(text);
  },
);
