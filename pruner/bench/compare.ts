/** Compares engines on the same inputs: time, difference of the outputs, predicted classes. */
import type { Engine, Progress, Tensors } from "./engine.ts";
import { measure, type Timing } from "./measure.ts";

export interface CompareOptions {
  /** Rounds of timing; 0 leaves it out. */
  readonly rounds?: number;
  /** Predict the class of every sample (the place of the greatest output), one by one. */
  readonly classify?: boolean;
  readonly onProgress?: Progress;
}

export interface Comparison {
  readonly name: string;
  readonly timing?: Timing;
  readonly insideMs?: number;
  readonly maxError: number; // greatest |difference| from the reference's outputs, over the compared samples
  readonly classes?: readonly number[]; // [samples]
}

/** Samples over which outputs are compared; all of them where `classify` is set. */
const comparedSamples = 8;

/** Every engine over the same samples. */
export async function compare(
  engines: readonly Engine[],
  samples: readonly Tensors[],
  options: CompareOptions = {},
): Promise<Comparison[]> {
  const { rounds = 15, classify = false, onProgress } = options;
  const timings = rounds
    ? await measure(
        // Every call takes the next sample: a branch or a cache must not learn one input by heart.
        engines.map((engine) => {
          let call = 0;
          return { name: engine.name, run: () => engine.run(samples[call++ % samples.length]) };
        }),
        { rounds, onRound: (done) => onProgress?.("timing", done, rounds) },
      )
    : [];

  const count = classify ? samples.length : Math.min(samples.length, comparedSamples);
  const maxErrors = engines.map(() => 0);
  const classes = engines.map(() => [] as number[]);
  for (let i = 0; i < count; i++) {
    const outputsOf: Record<string, Tensors> = {};
    for (const engine of engines) outputsOf[engine.name] = await engine.run(samples[i]);
    for (const [e, { name, reference }] of engines.entries()) {
      const outputs = outputsOf[name];
      const expected = outputsOf[reference ?? engines[0].name];
      maxErrors[e] = Math.max(maxErrors[e], maxDifference(expected, outputs));
      classes[e].push(argmax(Object.values(outputs)[0].data));
    }
    if (i % 50 === 49 || i === count - 1)
      onProgress?.(classify ? "classifying" : "comparing", i + 1, count);
  }

  const results: Comparison[] = [];
  for (const [e, engine] of engines.entries()) {
    results.push({
      name: engine.name,
      timing: timings[e],
      insideMs: rounds ? await engine.insideMs?.(samples[0]) : undefined,
      maxError: maxErrors[e],
      classes: classify ? classes[e] : undefined,
    });
  }
  return results;
}

/** Outputs are paired by their order: names may differ between files of one network. NaN counts as infinitely far. */
export function maxDifference(expected: Tensors, actual: Tensors): number {
  const [a, b] = [Object.values(expected), Object.values(actual)];
  if (a.length !== b.length) throw new Error(`${b.length} outputs, expected ${a.length}`);
  let max = 0;
  for (const [i, { data, shape }] of a.entries()) {
    const other = b[i];
    if (other.data.length !== data.length) {
      throw new Error(`output ${i} is [${other.shape}], expected [${shape}]`);
    }
    for (let j = 0; j < data.length; j++) {
      const difference = Math.abs(other.data[j] - data[j]);
      if (!(difference <= max)) max = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    }
  }
  return max;
}

/** The first place of the greatest value. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
