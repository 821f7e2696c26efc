/** Writes down how training goes, for the report: it travels with the checkpoint, so that nothing is lost by a break. */
import type { TrainingStep } from "../report.ts";
import type { OnProgress } from "./progress.ts";

/** How many of the steps are kept. */
const kept = 200;

export interface History {
  readonly steps: readonly TrainingStep[];
  readonly onProgress: OnProgress;
  read(): unknown;
  restore(log: unknown): void;
}

/** Passes progress on to `next`. */
export function recordTraining(next?: OnProgress): History {
  const steps: TrainingStep[] = [];
  return {
    steps,
    onProgress(progress) {
      const { stage, epoch, step, steps: all, loss, accuracy } = progress;
      const every = Math.ceil(all / kept);
      if (step % every === 0 || step === 1 || step === all)
        steps.push({ stage, epoch, step, loss, accuracy });
      next?.(progress);
    },
    read: () => steps,
    restore(log) {
      steps.splice(0, steps.length, ...((log as TrainingStep[] | undefined) ?? []));
    },
  };
}
