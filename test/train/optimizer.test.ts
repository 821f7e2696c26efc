/** The optimisers against steps written out from the papers, in float64. */
import { describe, expect, test } from "vitest";
import { createOptimizer, type OptimizerOptions } from "../../pruner/train/optimizer.ts";
import { normal, random } from "../../pruner/train/random.ts";

const steps = 20;
const rate = 0.01;
const decay = 0.02;

/** Gradients of chance, the same for both. */
function gradients(): number[][] {
  const draw = normal(random(5));
  return Array.from({ length: steps }, () => [draw(), 10 * draw(), 0.001 * draw()]);
}

function ours(options: OptimizerOptions): number[] {
  const optimizer = createOptimizer(options);
  const value = Float32Array.of(1, -2, 0.5);
  for (const gradient of gradients()) optimizer.step("w", value, gradient, rate, decay);
  return [...value];
}

describe("AdamW", () => {
  /** Algorithm 2 of Loshchilov and Hutter 2019 with bias corrections, the moments as sums over all steps so far. */
  function written(beta1: number, beta2: number): number[] {
    const all = gradients();
    const value = [1, -2, 0.5];
    for (let t = 1; t <= steps; t++) {
      for (let i = 0; i < value.length; i++) {
        let [m, v] = [0, 0];
        for (let s = 1; s <= t; s++) {
          m += (1 - beta1) * beta1 ** (t - s) * all[s - 1][i];
          v += (1 - beta2) * beta2 ** (t - s) * all[s - 1][i] ** 2;
        }
        const direction = m / (1 - beta1 ** t) / (Math.sqrt(v / (1 - beta2 ** t)) + 1e-8);
        value[i] = value[i] - rate * direction - rate * decay * value[i];
      }
    }
    return value;
  }

  test.each([
    [0.9, 0.999],
    [0.8, 0.95],
  ] as const)("with betas %d and %d equals the algorithm", (beta1, beta2) => {
    const expected = written(beta1, beta2);
    ours({ optimizer: "adamw", betas: [beta1, beta2] }).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 5);
    });
  });
});

test("SGD equals momentum written as a sum over all gradients so far", () => {
  const all = gradients();
  const value = [1, -2, 0.5];
  const pulls: number[][] = [];
  for (let t = 0; t < steps; t++) {
    pulls.push(all[t].map((g, i) => g + decay * value[i]));
    for (let i = 0; i < value.length; i++) {
      const velocity = pulls.reduce((sum, pull, s) => sum + 0.9 ** (t - s) * pull[i], 0);
      value[i] -= rate * velocity;
    }
  }
  ours({ optimizer: "sgd", momentum: 0.9 }).forEach((found, i) => {
    expect(found).toBeCloseTo(value[i], 4);
  });
});

test("an optimiser that forgets takes its next step as its first", () => {
  for (const optimizer of ["sgd", "adamw"] as const) {
    const [a, b] = [createOptimizer({ optimizer }), createOptimizer({ optimizer })];
    a.step("w", Float32Array.of(3), [5], rate, decay);
    a.forget();
    const [x, y] = [Float32Array.of(1), Float32Array.of(1)];
    a.step("w", x, [2], rate, decay);
    b.step("w", y, [2], rate, decay);
    expect(x).toEqual(y);
  }
});
