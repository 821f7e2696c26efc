/** What `prune` is asked for: its options, and the target and method that follow from them. */
import { ModelError } from "../runtime/model/errors.ts";
import { formatPattern, parsePattern, type SparsityPattern } from "../runtime/model/pattern.ts";
import type { Dataset } from "./data/dataset.ts";
import type { Budget } from "./methods/costs.ts";
import { type MethodName, methods, searching } from "./methods/index.ts";
import type { PruningTarget, Scale, Scope } from "./methods/method.ts";
import type { Schedule } from "./schedule.ts";
import type { CheckpointStore } from "./train/checkpoint.ts";
import type { Engine } from "./train/engine.ts";
import type { LossFunction } from "./train/loss.ts";
import type { OnProgress } from "./train/progress.ts";
import type { WeightChoice } from "./weights.ts";

export interface PruneOptions extends WeightChoice {
  readonly method?: MethodName; // smart, or dimap where there is no data
  readonly pattern?: SparsityPattern | string; // "block:16x8"
  readonly sparsity?: number; // fraction of the blocks removed; n:m has its own
  readonly maxSparsity?: number; // of any one layer
  /** How magnitude compares layers: weights as they are, relative to sqrt(2 / fan-in), or to the layer's own. */
  readonly scale?: Scale;
  readonly scope?: Scope; // one ranking over all layers, or the same sparsity in each
  /** What the sparsity is a fraction of: blocks, their weights or multiplications, or microseconds by a table. */
  readonly budget?: Budget;
  readonly keepChannels?: boolean; // leave dead channels where they are, before and after
  /** Without training images nothing is trained; without validation images no accuracy is measured. */
  readonly data?: { readonly train?: Dataset; readonly validation?: Dataset };
  /** Instead of the cross-entropy of a classifier: over its outputs, and labels and targets of the data. */
  readonly loss?: LossFunction;
  readonly schedule?: Partial<Schedule>;
  readonly seed?: number;
  readonly engine?: Engine;
  readonly threads?: number;
  readonly onProgress?: OnProgress;
  /** Where training keeps its state: killed and called again alike, it goes on and ends with the same bits. */
  readonly checkpoint?: CheckpointStore;
}

/** Throws a ModelError on a sparsity that the pattern does not have. */
export function targetOf({
  pattern = "block:16x8",
  sparsity,
  maxSparsity = 0.98,
  scale,
  scope,
}: PruneOptions): PruningTarget {
  const parsed = typeof pattern === "string" ? parsePattern(pattern) : pattern;
  if (parsed.kind !== "n:m")
    return { pattern: parsed, sparsity: sparsity ?? 0.7, maxSparsity, scale, scope };
  const own = 1 - parsed.n / parsed.m;
  if (sparsity !== undefined && Math.abs(sparsity - own) > 1e-6) {
    throw new ModelError(
      `the pattern ${formatPattern(parsed)} has the sparsity ${own}, not ${sparsity}; leave it out`,
    );
  }
  return { pattern: parsed, sparsity: own, maxSparsity, scale, scope };
}

/** Throws a ModelError on a method that is not known, or that needs data and has none. */
export function methodOf({ method, data }: PruneOptions): MethodName {
  const chosen = method ?? (data?.train ? "smart" : "dimap");
  if (!Object.hasOwn(methods, chosen)) {
    throw new ModelError(
      `method "${chosen}" is not known; expected one of ${Object.keys(methods).join(", ")}`,
    );
  }
  if (searching.has(chosen) && !data?.train) {
    throw new ModelError(
      `${chosen} learns its masks from images: give training data, or take the method dimap or magnitude`,
    );
  }
  return chosen;
}
