/**
 * The worker that races networks: everything runs in this one thread and its helpers, by turns, in the same way that
 * `npm run bench -- networks` measures. Results are compared in the same run.
 */
import { expose } from "comlink";
import {
  maxDifference,
  measure,
  profileByTurns,
  quantile,
  type Tensors,
} from "../../../pruner/bench/page.ts";
import { type SessionValue, type Tensor, tensor } from "../../../runtime/index.ts";
import { openEngine, type RaceEngine } from "./engines.ts";
import type { CostStep, DriftSample, Progress, RaceJob, RaceResult } from "./job.ts";
import { memoryBytes, watchMemory } from "./memory.ts";

/** Of an output's range: a network is up to a hundred layers of sums in another order. */
const tolerance = 1e-3;

watchMemory();

const api = {
  /** The results in the order of the runners. */
  async race(job: RaceJob, onProgress: Progress): Promise<RaceResult[]> {
    const { runners, judges, rounds } = job;
    const expected = new Map<string, Tensors>();
    const opened: { engine: RaceEngine; prepareMs: number; firstRunMs: number; memoryBytes: number }[] =
      [];
    let inputs: Tensors = {};
    for (const [i, { name, kind, model }] of runners.entries()) {
      onProgress("loading", i, runners.length);
      const held = memoryBytes();
      const start = performance.now();
      const engine = await openEngine(kind, name, model, job);
      const prepared = performance.now();
      if (i === 0) inputs = someInputs(engine.session!.inputs);
      expected.set(name, structuredClone(await engine.run(inputs))); // the next run fills the arrays again
      const end = performance.now();
      opened.push({
        engine,
        prepareMs: prepared - start,
        firstRunMs: end - prepared,
        memoryBytes: memoryBytes() - held,
      });
    }
    for (const { name, kind, model } of judges) {
      const engine = await openEngine(kind, name, model, job);
      expected.set(name, await engine.run(inputs));
      await engine.dispose();
    }
    const contenders = opened.map(({ engine }) => ({
      name: engine.name,
      run: () => engine.run(inputs),
    }));
    const timings = await measure(contenders, {
      rounds,
      warmupCalls: 10,
      onRound: (done) => onProgress("timing", done, rounds),
    });
    const results: RaceResult[] = [];
    for (const [i, { engine, ...cold }] of opened.entries()) {
      const { name, kind, like } = runners[i];
      const error = relativeError(expected.get(like)!, await engine.run(inputs));
      const { session } = engine;
      results.push({
        ...{ name, kind, timing: timings[i], ...cold, error, isRight: error <= tolerance },
        capabilities: session?.capabilities,
        steps: await session?.profile(inputs as Record<string, Tensor>, 5),
      });
    }
    for (const { engine } of opened) await engine.dispose();
    return results;
  },

  /** Runs without a pause, and tells every second how it goes, until the worker is ended. */
  async drift(
    model: Uint8Array,
    threads: number,
    onSecond: (sample: DriftSample) => Promise<void>,
  ): Promise<never> {
    const engine = await openEngine("filigree", "drift", model, { threads, base: "" });
    const inputs = someInputs(engine.session!.inputs);
    const warm = performance.now() + 1000; // the browser's quick first code is no drift
    while (performance.now() < warm) await engine.run(inputs);
    const start = performance.now();
    for (let second = 0; ; second++) {
      const times: number[] = [];
      while (performance.now() < start + 1000 * (second + 1)) {
        const before = performance.now();
        await engine.run(inputs);
        times.push(performance.now() - before);
      }
      if (!times.length) continue; // one run took longer than the second
      await onSecond({
        second,
        minMs: Math.min(...times),
        medianMs: quantile(times, 0.5),
        runs: times.length,
      });
    }
  },

  /** Times the steps of some networks, by turns: the least of some rounds. */
  async steps(
    models: readonly { readonly name: string; readonly model: Uint8Array }[],
    threads: number,
    rounds: number,
    onProgress: Progress,
  ): Promise<CostStep[]> {
    const engines: RaceEngine[] = [];
    for (const { name, model } of models) {
      engines.push(await openEngine("filigree", name, model, { threads, base: "" }));
    }
    const inputs = someInputs(engines[0].session!.inputs);
    const steps = await profileByTurns(engines, [inputs], rounds, onProgress);
    return Object.entries(steps).map(([name, each]) => ({ name, steps: each }));
  },
};

export type RaceApi = typeof api;

expose(api);

/** Noise of mean 0 and deviation 1, the same every time; integers are 0. */
function someInputs(values: readonly SessionValue[]): Tensors {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes, chapter 7
    return state / 2 ** 32;
  };
  return Object.fromEntries(
    values.map(({ name, dtype, shape }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      if (dtype === "float32") {
        const noise = Float32Array.from({ length }, () => 3.4 * uniform() - 1.7);
        return [name, tensor(shape, noise)];
      }
      const data = dtype === "int32" ? new Int32Array(length) : new Uint8Array(length);
      return [name, { dtype, shape, data } as Tensor];
    }),
  );
}

/** Of the worst output: the greatest difference / its greatest value. */
function relativeError(expected: Tensors, actual: Tensors): number {
  const pairs = Object.values(expected).map((output, i) => [output, Object.values(actual)[i]] as const);
  const errors = pairs.map(([output, made]) => {
    if (made?.data.length !== output.data.length) return Number.POSITIVE_INFINITY;
    let range = 0;
    for (const value of output.data) range = Math.max(range, Math.abs(value));
    return maxDifference({ output }, { output: made }) / (range || 1);
  });
  return Math.max(...errors);
}
