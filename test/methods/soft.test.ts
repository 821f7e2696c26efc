/** Masks that are functions of their weights, and what SMART can be told. */
import { describe, expect, test } from "vitest";
import { methods } from "../../pruner/methods/index.ts";
import type { PrunableWeight, PruningTarget, SearchOptions } from "../../pruner/methods/method.ts";
import { smart } from "../../pruner/methods/smart.ts";
import { softTopKInGroups } from "../../pruner/methods/topk.ts";
import { blocksOf } from "../../pruner/pattern.ts";
import { normal, random } from "../../pruner/train/random.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { tensor } from "../../runtime/model/tensor.ts";

function weightOf(shape: number[], pattern: string, seed = 3): PrunableWeight {
  const draw = normal(random(seed));
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => draw());
  return { name: "w", value: tensor(shape, data), blocks: blocksOf(shape, parsePattern(pattern)) };
}

const targetOf = (pattern: string, sparsity = 0.5): PruningTarget => ({
  pattern: parsePattern(pattern),
  sparsity,
  maxSparsity: 0.98,
});

describe.each([
  ["smart", "2:4"],
  ["smart", "1:4"],
  ["smart", "2:4x2"],
  ["pdp", "2:4"],
  ["pdp", "4x4"],
] as const)("%s by %s", (name, pattern) => {
  /** sum c w p(w), whose gradient in w goes through p too. */
  test("its gradient through the mask equals finite differences", () => {
    const weight = weightOf([8, 12, 1, 1], pattern);
    const { of } = weight.blocks;
    const draw = normal(random(9));
    const c = Float64Array.from({ length: of.length }, () => draw());
    const run = methods[name]([weight], targetOf(pattern), { tauStart: 0.7, steps: 10 });
    const search = run.search!;
    const value = Float64Array.from(weight.value.data) as unknown as Float32Array;
    const at = (w: Float32Array) => {
      // pdp prunes nothing before its first step.
      search.step(new Map(), name === "pdp" ? 0.5 : 0, new Map([["w", { value: w, gradient: w }]]));
      return w.reduce((sum, x, e) => sum + c[e] * x * search.softMask("w")[of[e]], 0);
    };
    at(value);
    const p = search.softMask("w");
    expect(p.some((x) => x > 0.05 && x < 0.95)).toBe(true);
    const blockGradient = new Float64Array(weight.blocks.count);
    for (let e = 0; e < of.length; e++) blockGradient[of[e]] += c[e] * value[e];
    const gradient = Float64Array.from(c, (g, e) => g * p[of[e]]) as unknown as Float32Array;
    search.throughMask!("w", value, blockGradient, gradient);
    let compared = 0;
    for (let e = 0; e < of.length; e += 5) {
      const h = 1e-3;
      const moved = (by: number) => {
        const w = value.slice();
        w[e] += by;
        return { sum: at(w), others: search.softMask("w").map((x, b) => (b === of[e] ? 0 : x)) };
      };
      const [up, down] = [moved(h), moved(-h)];
      // The threshold of pdp counts as a constant: only where it stays is there something to compare with.
      if (name === "pdp" && up.others.some((x, b) => x !== down.others[b])) continue;
      compared++;
      expect(Math.abs(gradient[e] - (up.sum - down.sum) / (2 * h))).toBeLessThan(2e-3);
    }
    expect(compared).toBeGreaterThan(5);
    at(value);
  });
});

test("the soft top-n of a group sums to n, and of a group of n or fewer is 1", () => {
  const x = Float64Array.of(1, 2, 3, 4, 0.1, 0.2, 0.3, 5, 7, 9);
  const starts = Int32Array.of(0, 4, 8, 10);
  const p = softTopKInGroups(x, 0.3, { starts, n: 2 });
  const sum = (from: number, to: number) => p.slice(from, to).reduce((a, b) => a + b);
  expect(sum(0, 4)).toBeCloseTo(2, 10);
  expect(sum(4, 8)).toBeCloseTo(2, 10);
  expect([...p.slice(8)]).toEqual([1, 1]);
});

test.each([
  ["geometric", 0.05],
  ["linear", 0.2525],
  ["cosine", 0.2525],
  ["fixed", 0.5],
] as const)("the temperature falls by %s", (temperature, middle) => {
  const options: SearchOptions = { temperature, tauStart: 0.5, tauEnd: 0.005 };
  const weight = weightOf([8, 8, 3, 3], "4x4");
  const { search } = smart([weight], targetOf("4x4"), options);
  const gradients = new Map([["w", new Float64Array(weight.blocks.count)]]);
  expect(search!.state().tau).toBeCloseTo(0.5, 10);
  search!.step(gradients, 0.5, new Map());
  expect(search!.state().tau).toBeCloseTo(middle, 4);
  search!.step(gradients, 1, new Map());
  expect(search!.state().tau).toBeCloseTo(temperature === "fixed" ? 0.5 : 0.005, 10);
});

test("smart's first masks are equal, follow the norms, or the norms of what the weights make of their inputs", () => {
  const weight = weightOf([8, 16, 1, 1], "unstructured");
  const loud = {
    ...weight,
    activation: Float64Array.from({ length: 16 }, (_, i) => (i < 8 ? 0.01 : 1)),
  };
  const of = (start: SearchOptions["start"]) =>
    smart([loud], targetOf("unstructured"), { start }).search!.softMask("w");
  for (const p of of("constant")) expect(p).toBeCloseTo(0.5, 6);
  const order = Array.from(weight.value.data.keys()).sort(
    (a, b) => Math.abs(weight.value.data[b]) - Math.abs(weight.value.data[a]),
  );
  const norm = of("norm");
  for (let i = 1; i < order.length; i++) expect(norm[order[i]]).toBeLessThanOrEqual(norm[order[i - 1]]);
  const mean = (p: Float32Array, loudest: boolean) =>
    p.filter((_, e) => e % 16 >= 8 === loudest).reduce((a, b) => a + b) / 64;
  expect(mean(of("norm-activation"), true)).toBeGreaterThan(mean(of("norm-activation"), false) + 0.2);
  expect(() => smart([weight], targetOf("unstructured"), { start: "norm-activation" })).toThrow(
    "needs the activations",
  );
});

test("at temperature 1, the odds of smart's first masks are as the squared norms; zeros have some too", () => {
  const weight = weightOf([8, 16, 1, 1], "unstructured");
  const { data } = weight.value;
  data[5] = 0;
  const p = smart([weight], targetOf("unstructured")).search!.softMask("w");
  const worth = Array.from(p, (of, e) => of / (1 - of) / data[e] ** 2);
  for (const e of data.keys()) if (data[e] !== 0) expect(worth[e] / worth[0]).toBeCloseTo(1, 3);
  expect(p[5]).toBeGreaterThan(0);
});

test("started by magnitude, a layer of large weights keeps more; by norm, layers of one distribution keep alike", () => {
  const quiet = weightOf([16, 16, 3, 3], "4x4", 4);
  const data = quiet.value.data.map((w) => 4 * w);
  const loud = {
    ...weightOf([16, 16, 3, 3], "4x4", 4),
    name: "loud",
    value: tensor([16, 16, 3, 3], data),
  };
  const kept = (start: SearchOptions["start"]) => {
    const { search } = smart([quiet, loud], targetOf("4x4"), { start });
    return ["w", "loud"].map((name) => search!.softMask(name).reduce((a, b) => a + b));
  };
  const [few, many] = kept("magnitude");
  expect(many).toBeGreaterThan(2 * few);
  for (const start of ["norm", "log-norm"] as const) {
    const [one, other] = kept(start);
    expect(other).toBeCloseTo(one, 3);
  }
});
