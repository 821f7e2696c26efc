/** A stage of training while it runs: all that its next step depends on, kept in a checkpoint and taken from there. */
import type { Tensor } from "../../runtime/model/tensor.ts";
import type { MaskSearch } from "../methods/method.ts";
import { arraysUnder, readState, type StateArray, under, writeState } from "./checkpoint.ts";
import type { Optimizer } from "./optimizer.ts";
import type { StageCheckpoint } from "./options.ts";
import type { Stage } from "./progress.ts";

export interface TrainingState {
  readonly values: ReadonlyMap<string, Tensor<"float32">>; // parameters and averages
  readonly optimizer: Optimizer;
  readonly search?: MaskSearch;
  readonly recent: { readonly loss: RunningMean; readonly accuracy: RunningMean };
  done: number; // steps
  restarts: number; // that the search has asked for and got
}

export async function saveStage(state: TrainingState, stage: Stage, to: StageCheckpoint): Promise<void> {
  const { values, optimizer, search, recent, done, restarts } = state;
  const arrays: Record<string, StateArray> = {
    ...under("value/", Object.fromEntries(Array.from(values, ([name, { data }]) => [name, data]))),
    ...under("optimizer/", optimizer.snapshot()),
    ...under("search/", search?.snapshot() ?? {}),
    recent: Float64Array.from([...recent.loss.snapshot(), ...recent.accuracy.snapshot(), restarts]),
  };
  await to.store.write(stage, writeState({ key: to.key, step: done, log: to.log?.read(), arrays }));
}

/** Whether there was a checkpoint. Throws a ModelError where it is of another run. */
export async function restoreStage(
  state: TrainingState,
  stage: Stage,
  from: StageCheckpoint,
): Promise<boolean> {
  const stored = await from.store.read(stage);
  if (!stored) return false;
  const { step, log, arrays } = readState(stored, from.key);
  for (const [name, value] of Object.entries(arraysUnder(arrays, "value/"))) {
    state.values.get(name)!.data.set(value);
  }
  state.optimizer.restore(arraysUnder(arrays, "optimizer/"));
  state.search?.restore(arraysUnder(arrays, "search/"));
  const numbers = Array.from(arrays.recent);
  state.recent.loss.restore(numbers.slice(0, 2));
  state.recent.accuracy.restore(numbers.slice(2, 4));
  state.restarts = numbers[4];
  state.done = step;
  from.log?.restore(log);
  return true;
}

export type RunningMean = ReturnType<typeof runningMean>;

/** Running mean over about the latest 50 values. */
export function runningMean() {
  let [mean, count] = [0, 0];
  return {
    add(value: number): number {
      count = Math.min(count + 1, 50);
      mean += (value - mean) / count;
      return mean;
    },
    snapshot: () => [mean, count],
    restore(numbers: readonly number[]) {
      [mean, count] = numbers;
    },
  };
}
