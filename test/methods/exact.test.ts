/** What every method owes: the pattern and the budget, exactly, at every moment of its search. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type MethodName, methods, searching } from "../../pruner/methods/index.ts";
import type { Moved, PrunableWeight, PruningTarget } from "../../pruner/methods/method.ts";
import { blocksOf, keptBlocks } from "../../pruner/pattern.ts";
import { normal, random } from "../../pruner/train/random.ts";
import { type Mask, parsePattern } from "../../runtime/model/pattern.ts";
import { tensor } from "../../runtime/model/tensor.ts";

const shapes = [
  [32, 16, 3, 3],
  [20, 32, 1, 1],
  [10, 24],
];
const names = Object.keys(methods) as MethodName[];
const patterns = ["16x8", "4x4", "3x5", "channel", "unstructured", "2:4", "1:4"];

function weightsOf(pattern: string, seed: number): PrunableWeight[] {
  const draw = normal(random(seed));
  return shapes.map((shape, l) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => draw() / (l + 1));
    return { name: `w${l}`, value: tensor(shape, data), blocks: blocksOf(shape, parsePattern(pattern)) };
  });
}

function targetOf(pattern: string, sparsity: number, more: Partial<PruningTarget> = {}): PruningTarget {
  return { pattern: parsePattern(pattern), sparsity, maxSparsity: 0.95, ...more };
}

const total = (weights: readonly PrunableWeight[]) =>
  weights.reduce((sum, { blocks }) => sum + blocks.count, 0);
const kept = (masks: ReadonlyMap<string, Mask>) =>
  [...masks.values()].reduce((sum, mask) => sum + keptBlocks(mask), 0);

/** Moves a search by gradients of chance, and its weights a little. Returns how often. */
function drive(
  weights: readonly PrunableWeight[],
  run: ReturnType<(typeof methods)[MethodName]>,
  steps: number,
  each: () => void = () => {},
): void {
  const draw = normal(random(4));
  const values = new Map(weights.map(({ name, value }) => [name, value.data.slice()]));
  for (let step = 1; step <= steps; step++) {
    const gradients = new Map<string, Float64Array>();
    const moved = new Map<string, Moved>();
    for (const { name, blocks } of weights) {
      const value = values.get(name)!;
      const gradient = value.map(() => draw());
      for (let e = 0; e < value.length; e++) value[e] -= 0.01 * gradient[e];
      gradients.set(
        name,
        Float64Array.from({ length: blocks.count }, () => draw()),
      );
      moved.set(name, { value, gradient });
    }
    run.search!.step(gradients, step / steps, moved);
    each();
  }
}

describe.each(names)("%s", (name) => {
  test.each(patterns)(
    "keeps exactly the budget of %s, before, during and after its search",
    (pattern) => {
      const isGrouped = pattern.includes(":");
      const n = Number(pattern.split(":")[0]);
      const sparsities = isGrouped ? [1 - n / 4] : [0.3, 0.7];
      for (const sparsity of sparsities) {
        const weights = weightsOf(pattern, 3);
        const run = methods[name](weights, targetOf(pattern, sparsity), { steps: 12, seed: 1 });
        const asked = Math.round((1 - sparsity) * total(weights));
        expect(kept(run.masks())).toBe(asked);
        if (!run.search) continue;
        drive(weights, run, 12, () => {
          expect(kept(run.masks())).toBe(asked);
          for (const weight of weights) {
            const soft = run.search!.softMask(weight.name);
            expect(soft.length).toBe(weight.blocks.count);
            expect(soft.every((p) => p >= 0 && p <= 1)).toBe(true);
          }
        });
      }
    },
  );

  test("keeps the budget of any sparsity", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 0.9, noNaN: true }), fc.nat(1000), (sparsity, seed) => {
        const weights = weightsOf("4x4", seed);
        const run = methods[name](weights, targetOf("4x4", sparsity), { seed });
        expect(kept(run.masks())).toBe(Math.round((1 - sparsity) * total(weights)));
      }),
      { seed: 1, numRuns: 10 },
    );
  });

  test("goes on from a snapshot as if it had not stopped", () => {
    if (!searching.has(name)) return;
    for (const pattern of ["4x4", "2:4"]) {
      const start = () => {
        const weights = weightsOf(pattern, 3);
        return { weights, run: methods[name](weights, targetOf(pattern, 0.5), { steps: 12 }) };
      };
      const [a, b] = [start(), start()];
      drive(a.weights, a.run, 7);
      const stored = structuredClone(a.run.search!.snapshot());
      b.run.search!.restore(stored);
      for (const { name: weight } of a.weights) {
        expect(b.run.search!.softMask(weight)).toEqual(a.run.search!.softMask(weight));
      }
      expect(b.run.search!.snapshot()).toEqual(stored);
      const masks = (run: typeof a.run) => [...run.masks().values()].map(({ keep }) => keep);
      expect(masks(b.run)).toEqual(masks(a.run));
    }
  });
});

const scoped: MethodName[] = ["smart", "pas", "awg", "magnitude", "lamp", "random", "acdc", "pdp"];

test.each(scoped)("%s per layer removes the same part of each", (name) => {
  const weights = weightsOf("4x4", 5);
  const run = methods[name](weights, targetOf("4x4", 0.5, { scope: "layer" }), { steps: 5 });
  const check = () => {
    for (const { name: weight, blocks } of weights) {
      expect(Math.abs(keptBlocks(run.masks().get(weight)!) - blocks.count / 2)).toBeLessThanOrEqual(1);
    }
  };
  check();
  if (run.search) drive(weights, run, 5, check);
});

test.each(scoped)(
  "%s spends no more than a budget of costs, and less than a block's worth is left",
  (name) => {
    const weights = weightsOf("4x4", 6);
    const costs = new Map(
      weights.map(({ name: weight, blocks: { count } }, l) => [
        weight,
        new Float64Array(count).fill(3 ** l),
      ]),
    );
    const run = methods[name](weights, targetOf("4x4", 0.6, { costs }), { steps: 5 });
    const sum = (of: (weight: string, count: number) => number) =>
      weights.reduce((all, { name: weight, blocks }, l) => all + 3 ** l * of(weight, blocks.count), 0);
    const budget = 0.4 * sum((_, count) => count);
    const spent = () => sum((weight) => keptBlocks(run.masks().get(weight)!));
    if (run.search) drive(weights, run, 5);
    expect(spent()).toBeLessThanOrEqual(budget + 1e-9);
    expect(spent()).toBeGreaterThan(budget - 9);
  },
);

test.each(scoped.filter((name) => name !== "pdp"))("%s removes tied blocks together", (name) => {
  const weights = weightsOf("channel", 7).slice(0, 1).concat(weightsOf("channel", 8).slice(0, 1));
  const ties = Int32Array.from({ length: 32 }, (_, i) => i);
  const tied = weights.map((weight, l) => ({ ...weight, name: `w${l}`, ties }));
  const run = methods[name](tied, targetOf("channel", 0.5), { steps: 5 });
  if (run.search) drive(tied, run, 5);
  const [a, b] = [...run.masks().values()].map(({ keep }) => keep);
  expect(a).toEqual(b);
  expect(kept(run.masks())).toBe(32);
});
