/** What training is told, and what it is given. */
import type { Graph } from "../../runtime/model/graph.ts";
import type { Mask } from "../../runtime/model/pattern.ts";
import type { PrunableWeight, PruningRun } from "../methods/method.ts";
import type { Distillation } from "./autodiff.ts";
import type { Augmentation } from "./batches.ts";
import type { CheckpointStore } from "./checkpoint.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import type { LossFunction } from "./loss.ts";
import type { OptimizerOptions } from "./optimizer.ts";
import type { Clock, OnProgress, Stage } from "./progress.ts";
import type { RateOptions } from "./rate.ts";

export interface TrainOptions extends Augmentation, OptimizerOptions, RateOptions {
  readonly epochs: number;
  readonly batch?: number;
  readonly weightDecay?: number; // of weights of rank 2 and more; scales, shifts and biases have none
  readonly labelSmoothing?: number;
  readonly epochImages?: number; // so many images an epoch; all unless given
  readonly distillation?: Distillation; // from `teacher`
  readonly seed?: number;
}

/** What is pruned while training, and who is told of it. */
export interface TrainParts {
  readonly engine: Engine;
  readonly engineOptions?: EngineOptions;
  readonly stage?: Stage;
  readonly weights?: readonly PrunableWeight[];
  readonly search?: PruningRun["search"]; // moves the masks of `weights`
  readonly masks?: ReadonlyMap<string, Mask>; // holds the masks of `weights`
  readonly loss?: LossFunction; // instead of that of a classifier
  readonly teacher?: Graph; // whose logits the network learns too, with `distillation`
  readonly clock?: Clock;
  readonly onProgress?: OnProgress;
  /** After each epoch, with the network as it stands: weights not yet multiplied by their masks. */
  readonly onEpoch?: (epoch: number, graph: Graph) => Promise<void>;
  readonly checkpoint?: StageCheckpoint;
}

/** Where a stage keeps its state: it goes on from there, to the same bits as without a break. */
export interface StageCheckpoint {
  readonly store: CheckpointStore;
  readonly key: string; // of the run
  readonly everySeconds?: number; // and at the end of each epoch
  /** Plain data to be kept with the state, and given back. */
  readonly log?: { read(): unknown; restore(log: unknown): void };
}
