/** How long and how fast a network is trained while it is pruned. */
import { type MethodName, searching } from "./methods/index.ts";
import type { SearchOptions } from "./methods/method.ts";
import type { TrainOptions } from "./train/trainer.ts";

export interface Schedule extends Omit<TrainOptions, "epochs" | "seed"> {
  readonly searchEpochs: number; // while the masks move; methods without a search fine-tune longer instead
  readonly fineTuneEpochs: number; // with the masks held
  readonly batch: number;
  readonly learningRate: number; // the highest of each stage
  readonly search?: SearchOptions;
}

const defaults: Schedule = {
  searchEpochs: 6,
  fineTuneEpochs: 6,
  batch: 64,
  learningRate: 0.01,
  momentum: 0.9,
  weightDecay: 5e-4,
  shift: 0,
};

/** The defaults with what is given, and the same number of epochs for every method. */
export function scheduleOf(method: MethodName, given: Partial<Schedule> = {}): Schedule {
  const schedule = { ...defaults, ...given };
  if (searching.has(method)) return schedule;
  const { searchEpochs, fineTuneEpochs } = schedule;
  return { ...schedule, searchEpochs: 0, fineTuneEpochs: searchEpochs + fineTuneEpochs };
}
