/** Writes down how training goes, for the report: it travels with the checkpoint, so that nothing is lost by a break. */
import type { TrainingStep } from "../report.ts";
import type { OnProgress, Stage } from "./progress.ts";

/** How many of the steps are kept. */
const kept = 200;

export interface History {
  readonly steps: readonly TrainingStep[];
  readonly seconds: Readonly<Partial<Record<Stage, number>>>; // of each stage, before a break and after it
  readonly onProgress: OnProgress;
  read(): unknown;
  restore(log: unknown): void;
}

/** Passes progress on to `next`. */
export function recordTraining(next?: OnProgress): History {
  const steps: TrainingStep[] = [];
  const seconds: Partial<Record<Stage, number>> = {};
  let last = performance.now();
  return {
    steps,
    seconds,
    onProgress(progress) {
      const now = performance.now();
      seconds[progress.stage] = (seconds[progress.stage] ?? 0) + (now - last) / 1000;
      last = now;
      const { stage, epoch, step, steps: all, loss, accuracy } = progress;
      const every = Math.ceil(all / kept);
      if (step % every === 0 || step === 1 || step === all)
        steps.push({ stage, epoch, step, loss, accuracy });
      next?.(progress);
    },
    read: () => ({ steps, seconds }),
    restore(log) {
      const before = log as Pick<History, "steps" | "seconds">;
      steps.splice(0, steps.length, ...before.steps);
      Object.assign(seconds, before.seconds);
      last = performance.now();
    },
  };
}
