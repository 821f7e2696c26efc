/** The stopwatch, on a clock that the test turns itself. */
import { describe, expect, test } from "vitest";
import {
  argmax,
  compare,
  type Engine,
  maxDifference,
  measure,
  quantile,
} from "../../pruner/bench/page.ts";
import { tensor } from "../../runtime/model/tensor.ts";

/** A clock, and contenders that each advance it by `ms` a call and write down that they ran. */
function race(contenders: Record<string, number | ((call: number) => number)>) {
  let time = 0;
  const log: string[] = [];
  const calls: Record<string, number> = {};
  const entries = Object.entries(contenders).map(([name, ms]) => ({
    name,
    run: () => {
      const call = (calls[name] = (calls[name] ?? 0) + 1);
      time += typeof ms === "number" ? ms : ms(call);
      log.push(name);
    },
  }));
  return { now: () => time, log, calls, entries };
}

describe("measure", () => {
  test("gives the time of one call, however short", async () => {
    const { entries, now } = race({ slow: 4, fast: 0.02 });
    const [slow, fast] = await measure(entries, { now, rounds: 5 });
    expect([slow.minMs, slow.medianMs, slow.batch, slow.spread]).toEqual([4, 4, 1, 0]);
    expect(fast.minMs).toBeCloseTo(0.02, 9);
    expect(fast.batch * fast.minMs).toBeGreaterThanOrEqual(1 - 1e-9);
    expect(fast.samplesMs).toHaveLength(5);
  });

  test("lets contenders take turns, every other round backwards", async () => {
    const { entries, now, log } = race({ a: 5, b: 5, c: 5 });
    await measure(entries, { now, rounds: 4, batchMs: 1 });
    expect(log.slice(-12).join("")).toBe("abccbaabccba");
  });

  test("warms up for 60 calls and 200 ms, and does not wait for ever on slow ones", async () => {
    const { entries, now, calls } = race({ fast: 0.5, slow: 50, glacial: 1e4 });
    await measure(entries, { now, rounds: 1 });
    expect(calls.fast).toBeGreaterThanOrEqual(400);
    expect(calls.slow).toBe(30 + 2); // 1500 ms, one call to find the batch, one sample
    expect(calls.glacial).toBe(1 + 2);
  });

  test("lets others come to rest before a sample, and has one batch of calls before it", async () => {
    const { entries, now, log } = race({ a: 0.5, b: 5 });
    await measure(entries, { now, rounds: 2, batchMs: 1, restMs: 1 });
    expect(log.slice(-12).join("")).toBe("aaaabbbbaaaa");
  });

  test("is not misled by slow first calls", async () => {
    const { entries, now } = race({ tieringUp: (call) => (call < 50 ? 20 : 10) });
    expect((await measure(entries, { now, rounds: 3 }))[0].minMs).toBe(10);
  });

  test("survives a clock that stands still", async () => {
    const { entries } = race({ a: 1 });
    let ticks = 0;
    const now = () => Math.floor(ticks++ / 50); // 1 ms every 50 readings
    expect((await measure(entries, { now, rounds: 1 }))[0].batch).toBeGreaterThan(1);
  });
});

test.each([
  [[1, 2, 3], 0.5, 2],
  [[4, 1], 0.5, 2.5],
  [[5, 1, 3, 2, 4], 0.25, 2],
  [[7], 0.9, 7],
])("of %j the quantile %d is %d", (samples, q, expected) => {
  expect(quantile(samples, q)).toBe(expected);
});

describe("compare", () => {
  const engine = (name: string, f: (x: number) => number[]): Engine => ({
    name,
    run: async ({ x }) => ({ [name]: tensor([3], new Float32Array(f(x.data[0]))) }),
    dispose: () => {},
  });
  const samples = [0, 1, 2].map((value) => ({ x: tensor([1], new Float32Array([value])) }));
  const oneHot = (i: number) => [0, 1, 2].map((j) => (i === j ? 1 : 0));

  test("measures the greatest error against the first engine and predicts every class", async () => {
    const engines = [
      engine("exact", oneHot),
      engine("off", (x) => oneHot(x).map((v) => v + (x === 2 ? 0.25 : 0))),
      engine("wrong", () => [1, 0, 0]),
    ];
    const results = await compare(engines, samples, { rounds: 0, classify: true });
    expect(results.map((r) => r.maxError)).toEqual([0, 0.25, 1]);
    expect(results.map((r) => r.classes)).toEqual([
      [0, 1, 2],
      [0, 1, 2],
      [0, 0, 0],
    ]);
  });

  test("takes a NaN for infinitely far, and refuses outputs of another size", () => {
    const of = (...values: number[]) => ({ y: tensor([values.length], new Float32Array(values)) });
    expect(maxDifference(of(1, 2), of(1, Number.NaN))).toBe(Number.POSITIVE_INFINITY);
    expect(() => maxDifference(of(1, 2), of(1))).toThrow("output 0 is [1], expected [2]");
    expect(argmax([1, 3, 3])).toBe(1);
  });
});
