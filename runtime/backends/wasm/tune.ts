/**
 * Chooses among the ways of running a step. Where the predicted costs are close, the ways are tried on the first
 * pixels of the step, by turns, and the fastest is taken; what was measured corrects the predictions that follow.
 */
import { assemble } from "../../../kernels-wasm/index.ts";
import type { Choices } from "../backend.ts";
import type { Builder, Candidate, Phase, Step } from "./step.ts";

export interface Tuner {
  /** `base` is where the memory that the model has so far ends. */
  choose(
    step: Step,
    candidates: readonly Candidate[],
    sample: (pixels: number) => readonly Candidate[],
    builder: Builder,
    base: number,
  ): { readonly candidate: Candidate; readonly why: string };
  readonly choices: Choices; // of the steps that had one, by their output
}

/** A way that is predicted to be so much slower than the fastest is not tried. */
const hopeless = 1.7;
/** Cycles that a trial is to take at most, about: some 0.3 ms. */
const trialCycles = 1e6;
const fewestPixels = 120;
/** Until the compiler has optimised a kernel. */
const warmUpMs = 10;
const roundMs = 0.25;
const mostCalls = 2 ** 16;
const leastMs = 1e-3; // no prediction may become 0: nothing is less
const fewestRounds = 4;
const mostRounds = 24;
/** Rounds go on until the two least times of every way are as close as this: one alone may be an interruption. */
const agreement = 1.03;
/** A prediction is not believed to be further off than this, compared with that of the other ways. */
const mostCorrection = 1.35;

/** `budgetMs`: how long all trials may take together. Names in `remembered` are taken without a trial. */
export function makeTuner(remembered: Choices, budgetMs: number): Tuner {
  const choices: Record<string, string> = {};
  const msPerCycle = new Map<string, number>(); // of the candidates tried, by name: the least, since noise only adds
  let laboratory: Laboratory | undefined;
  let spentMs = 0;

  return {
    choices,
    choose(step, candidates, sample, builder, base) {
      if (candidates.length === 1) return { candidate: candidates[0], why: "" };
      const least = msPerCycle.size ? Math.min(...msPerCycle.values()) : 1;
      const correct = ({ name, cycles }: Candidate) =>
        cycles * Math.min(msPerCycle.get(name) ?? least, mostCorrection * least);
      const sorted = [...candidates].sort((a, b) => correct(a) - correct(b));
      const close = sorted.filter((candidate) => correct(candidate) < hopeless * correct(sorted[0]));
      const take = (candidate: Candidate, why: string) => {
        choices[step.output] = candidate.name;
        return { candidate, why: `${candidate.name}: ${why}` };
      };
      const known = candidates.find(({ name }) => name === remembered[step.output]);
      if (known) return take(known, "measured before");
      if (close.length === 1 || spentMs >= budgetMs) {
        const second = correct(sorted[1]) / correct(sorted[0]);
        return take(sorted[0], `${sorted[1].name} predicted ${second.toFixed(2)}x`);
      }

      const start = performance.now();
      laboratory ??= makeLaboratory();
      const share = trialCycles / close[0].cycles;
      const trial = sample(Math.max(fewestPixels, Math.floor(share * pixelsOf(step, builder))));
      const tried = close.map((candidate) => trial[candidates.indexOf(candidate)]);
      const ms = laboratory.measure(tried, builder, base);
      for (const [i, { name }] of close.entries()) {
        const known = msPerCycle.get(name) ?? Number.POSITIVE_INFINITY;
        msPerCycle.set(name, Math.min(known, ms[i] / tried[i].cycles));
      }
      spentMs += performance.now() - start;
      const [best, second] = ms.map((_, i) => i).sort((a, b) => ms[a] - ms[b]);
      return take(close[best], `measured, ${close[second].name} ${(ms[second] / ms[best]).toFixed(2)}x`);
    },
  };
}

const pixelsOf = (step: Step, builder: Builder): number => {
  const { n, h, w } = builder.value(step.output);
  return n * h * w;
};

interface Laboratory {
  /** Milliseconds of each, the least of some rounds. */
  measure(candidates: readonly Candidate[], builder: Builder, base: number): number[];
}

/** A memory of its own, in which activations are zeros and lie where they do in the model. */
function makeLaboratory(): Laboratory {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const kernels = new Map<string, { run: (...args: readonly number[]) => void; isWarm: boolean }>();
  return {
    measure(candidates, builder, base) {
      let end = base;
      const trial: Builder = {
        ...builder,
        threads: 1,
        data(values) {
          const address = Math.ceil(end / 16) * 16;
          end = address + values.byteLength;
          const pages = Math.ceil(end / 65536) - memory.buffer.byteLength / 65536;
          if (pages > 0) memory.grow(pages);
          const View = values instanceof Int32Array ? Int32Array : Float32Array;
          new View(memory.buffer, address, values.length).set(values);
          return address;
        },
        kernel(func) {
          if (!kernels.has(func.name)) {
            const module = new WebAssembly.Module(assemble([func], { pages: 1, shared: false }));
            const { exports } = new WebAssembly.Instance(module, { env: { memory } });
            kernels.set(func.name, { run: exports[func.name] as () => void, isWarm: false });
          }
          return func.name;
        },
      };
      const runs = candidates.map((candidate) => runOf(candidate.bind(trial)));
      const ms = measureRuns(runs);
      // Biases of later steps lie here: tables read as numbers are denormal ones, a hundred times as slow.
      new Uint8Array(memory.buffer).fill(0, base, end);
      return ms;
    },
  };

  function runOf(phases: readonly Phase[]) {
    const calls = phases.flatMap((phase) => phase.calls.flat());
    const bound = calls.map(({ kernel, args }) => ({ kernel: kernels.get(kernel)!, args }));
    const run = () => {
      for (const { kernel, args } of bound) kernel.run(...args);
    };
    const isCold = bound.some(({ kernel }) => !kernel.isWarm);
    for (const { kernel } of bound) kernel.isWarm = true;
    return { run, isCold };
  }
}

function measureRuns(runs: readonly { run: () => void; isCold: boolean }[]): number[] {
  const time = (run: () => void, calls: number) => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) run();
    return performance.now() - start;
  };
  for (const { run, isCold } of runs) {
    for (const start = performance.now(); isCold && performance.now() - start < warmUpMs; ) run();
  }
  const calls = runs.map(({ run }) => {
    for (let calls = 1; ; calls *= 2) {
      const ms = time(run, calls);
      if (ms >= roundMs / 2 || calls >= 1024)
        return Math.max(1, Math.ceil((calls * roundMs) / Math.max(ms, 1e-3)));
    }
  });
  const samples = runs.map((): number[] => []);
  const isSettled = (ms: number[]) => ms.sort((a, b) => a - b)[1] < agreement * ms[0];
  for (let round = 0; round < mostRounds; round++) {
    runs.forEach(({ run }, i) => {
      let ms = time(run, calls[i]);
      // A page that is not isolated has a clock with steps of 100 µs: what takes no time was too short.
      for (; ms === 0 && calls[i] < mostCalls; ms = time(run, calls[i])) calls[i] *= 2;
      samples[i].push(Math.max(ms, leastMs) / calls[i]);
    });
    if (round + 1 >= fewestRounds && samples.every(isSettled)) break;
  }
  return samples.map((ms) => Math.min(...ms));
}
