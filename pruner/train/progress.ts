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
  readonly secondsLeft: number; // of the whole run, by the pace so far
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
  let [step, skipped] = [0, 0];
  return {
    steps,
    tick() {
      step++;
      const elapsed = (performance.now() - started) / 1000;
      return { step, secondsLeft: (elapsed / (step - skipped)) * (steps - step) };
    },
    skip(count) {
      step += count;
      skipped += count;
    },
  };
}
