import { describe, expect, test } from "vitest";
import { softTopK, softTopKGradient } from "../../pruner/methods/topk.ts";
import { topK } from "../../pruner/pattern.ts";
import { normal, random } from "../../pruner/train/random.ts";

const normals = (n: number, seed: number) => Float64Array.from({ length: n }, normal(random(seed)));
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0);

/** The mask by 300 halvings: slow and plain. */
function bisected(x: Float64Array, K: number, tau: number, n: Float64Array): Float64Array {
  const at = (t: number) => x.map((xi) => 1 / (1 + Math.exp(-(xi / tau + t))));
  let [low, high] = [-1e6, 1e6];
  for (let i = 0; i < 300; i++) {
    const t = (low + high) / 2;
    if (dot(n, at(t)) < K) low = t;
    else high = t;
  }
  return at((low + high) / 2);
}

const cases = [
  { N: 2, K: 1, tau: 1 },
  { N: 50, K: 20, tau: 0.3 },
  { N: 50, K: 49, tau: 0.1 },
  { N: 1000, K: 1, tau: 0.05 },
  { N: 1000, K: 300, tau: 0.01 },
  { N: 5000, K: 1500, tau: 3 },
];

describe.each(cases)("soft top-$K of $N at tau $tau", ({ N, K, tau }) => {
  const x = normals(N, N + K);
  const sizes = normals(N, K).map((value) => 1 + value * value);
  const total = sizes.reduce((a, b) => a + b);
  const budgets: [string, number, Float64Array | undefined][] = [
    ["blocks", K, undefined],
    ["elements", (total * K) / N, sizes],
  ];

  test.each(budgets)("sums to the budget of %s and equals the bisected mask", (_, budget, n) => {
    const { p } = softTopK(x, budget, tau, n);
    const weights = n ?? new Float64Array(N).fill(1);
    expect(Math.abs(dot(weights, p) / budget - 1)).toBeLessThan(1e-9);
    const plain = bisected(x, budget, tau, weights);
    for (let i = 0; i < N; i++) expect(Math.abs(p[i] - plain[i])).toBeLessThan(1e-7);
  });

  test.each(budgets)("the gradient with a budget of %s equals finite differences", (_, budget, n) => {
    const g = normals(N, 99);
    const gx = softTopKGradient(softTopK(x, budget, tau, n).p, g, tau, n);
    const h = 2e-3 * tau;
    for (let i = 0; i < N; i += Math.ceil(N / 40)) {
      const moved = (step: number) => {
        const shifted = x.slice();
        shifted[i] += step;
        return dot(g, softTopK(shifted, budget, tau, n).p);
      };
      const across = (step: number) => moved(step) - moved(-step);
      // Sixth order: the error is h^6 times the seventh derivative.
      const difference = (45 * across(h) - 9 * across(2 * h) + across(3 * h)) / (60 * h);
      expect(Math.abs(gx[i] - difference) * tau).toBeLessThan(1e-8);
    }
  });
});

test("as tau falls the mask becomes the exact top-k", () => {
  const x = normals(500, 3);
  const { p } = softTopK(x, 150, 1e-7);
  expect(Array.from(p, (value) => Math.round(value))).toEqual(Array.from(topK(x, 150)));
  expect(Math.max(...Array.from(p, (value) => Math.min(value, 1 - value)))).toBeLessThan(1e-6);
});

test("a mask does not change when every parameter is shifted", () => {
  const x = normals(100, 5);
  const { p } = softTopK(x, 30, 0.1);
  const shifted = softTopK(
    x.map((value) => value + 1000),
    30,
    0.1,
  );
  for (let i = 0; i < 100; i++) expect(shifted.p[i]).toBeCloseTo(p[i], 8);
});

test("equal parameters share the budget equally", () => {
  expect([...softTopK(new Float64Array(4), 1, 1e-3).p]).toEqual([0.25, 0.25, 0.25, 0.25]);
});

test.each([0, 4, -1, Number.NaN])("a budget of %d of 4 is refused", (K) => {
  expect(() => softTopK(new Float64Array(4), K, 1)).toThrow("budget");
});
