/** What training reports while it runs. */

export type Stage = "train" | "search" | "fine-tune";

export interface Progress {
  readonly stage: Stage;
  readonly epoch: number; // of the stage, from 1
  readonly epochs: number;
  readonly step: number; // of the whole run, from 1
  readonly steps: number;
  readonly loss: number; // running mean over the latest steps
  readonly accuracy: number; // running mean over the latest batches, in training; NaN with a loss of the user's
  readonly softFraction?: number; // during the search
  readonly secondsLeft: number; // of the whole run, by the pace so far; a rough guess at the first step
}

export type OnProgress = (progress: Progress) => void;

/** Counts steps over all stages of a run, and says how long it will take. */
export interface Clock {
  readonly steps: number;
  tick(): { step: number; secondsLeft: number };
  /** Steps that an earlier run has done. */
  skip(steps: number): void;
}

export function startClock(steps: number): Clock {
  const started = performance.now();
  let first: number | undefined; // the first step is slow: programs are compiled, memory is found
  let [step, skipped] = [0, 0];
  return {
    steps,
    tick() {
      step++;
      const now = performance.now();
      const pace = first === undefined ? now - started : (now - first) / (step - skipped - 1);
      first ??= now;
      return { step, secondsLeft: (pace / 1000) * (steps - step) };
    },
    skip(count) {
      step += count;
      skipped += count;
    },
  };
}
