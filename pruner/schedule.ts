/** How long and how fast a network is trained while it is pruned. */
import { ModelError } from "../runtime/model/errors.ts";
import { type MethodName, searching } from "./methods/index.ts";
import type { SearchOptions } from "./methods/method.ts";
import type { TrainOptions } from "./train/options.ts";

export interface Schedule extends Omit<TrainOptions, "epochs" | "seed"> {
  readonly searchEpochs: number; // while the masks move; methods without a search fine-tune longer instead
  readonly fineTuneEpochs: number; // with the masks held
  readonly batch: number;
  readonly learningRate: number; // the highest of each stage
  readonly search?: SearchOptions;
  /**
   * At the end the running mean and variance of every normalisation are measured anew on so many training images;
   * 0 leaves them as training did. Unless given it is 0, or 2048 where nothing is trained after pruning.
   */
  readonly statisticsImages?: number;
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

/** The defaults with what is given, and the same number of epochs for every method. Throws a ModelError on nonsense. */
export function scheduleOf(method: MethodName, given: Partial<Schedule> = {}): Schedule {
  const schedule = { ...defaults, ...given };
  checkSchedule(schedule);
  if (searching.has(method)) {
    if (schedule.searchEpochs > 0) return schedule;
    throw new ModelError(
      `${method} searches, and searchEpochs is 0; expected 1 or more, or the method magnitude`,
    );
  }
  const { searchEpochs, fineTuneEpochs } = schedule;
  return { ...schedule, searchEpochs: 0, fineTuneEpochs: searchEpochs + fineTuneEpochs };
}

function checkSchedule(schedule: Schedule): void {
  const { distillation } = schedule;
  const expect = (
    name: string,
    value: number | undefined,
    isRight: (value: number) => boolean,
    what: string,
  ) => {
    if (value === undefined || isRight(value)) return;
    throw new ModelError(`${name} is ${value}; expected ${what}`);
  };
  const isWhole = (value: number) => Number.isInteger(value) && value >= 0;
  const isPart = (value: number) => value >= 0 && value < 1;
  for (const name of [
    "searchEpochs",
    "fineTuneEpochs",
    "shift",
    "cutout",
    "statisticsImages",
  ] as const) {
    expect(name, schedule[name], isWhole, "a whole number ≥ 0");
  }
  for (const name of ["warmup", "labelSmoothing", "momentum"] as const) {
    expect(name, schedule[name], isPart, "0 ≤ number < 1");
  }
  expect("batch", schedule.batch, (value) => isWhole(value) && value > 0, "a whole number ≥ 1");
  expect("learningRate", schedule.learningRate, (value) => value > 0, "a number > 0");
  expect("weightDecay", schedule.weightDecay, (value) => value >= 0, "a number ≥ 0");
  expect(
    "the weight of the distillation",
    distillation?.weight,
    (value) => value >= 0 && value <= 1,
    "0 to 1",
  );
  expect(
    "the temperature of the distillation",
    distillation?.temperature,
    (value) => value > 0,
    "a number > 0",
  );
}
