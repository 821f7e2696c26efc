/** What a network is for, measured on real data: its inputs, and the figures that its outputs give. */
import type { Tensor } from "../../../runtime/model/tensor.ts";

export interface Task {
  readonly samples: number;
  readonly leastSamples?: number; // that give a figure; 1
  readonly of: string; // what a sample is: "images"
  readonly batch: number; // samples of one run
  readonly figures: readonly Figure[]; // the first is the one that is told
  /** Samples [first, first + count) as the network's one input [count, ...]. */
  input(first: number, count: number): Tensor<"float32">;
  score(): Score;
}

/** A number that a task gives. */
export interface Figure {
  readonly name: string; // "top-1 %"
  readonly digits: number; // behind the point
  readonly published: number; // on all samples
}

/** Collects what a network says of samples. */
export interface Score {
  /** Outputs in the network's order, for samples [first, first + count). */
  add(outputs: readonly Tensor[], first: number, count: number): void;
  /** One value a figure, of what was added. */
  figures(): number[];
}

/** Runs the network over the first `samples` and gives the figures, rounded to their digits. */
export async function measureTask(
  task: Task,
  samples: number,
  run: (input: Tensor<"float32">) => Promise<readonly Tensor[]>,
): Promise<number[]> {
  const score = task.score();
  for (let first = 0; first < samples; first += task.batch) {
    const count = Math.min(task.batch, samples - first);
    score.add(await run(task.input(first, count)), first, count);
  }
  return score.figures().map((value, i) => Number(value.toFixed(task.figures[i].digits)));
}
