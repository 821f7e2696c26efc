/** What a pruning method is: it decides which blocks go, at once or in a search beside the training. */
import type { Mask, SparsityPattern } from "../../runtime/model/pattern.ts";
import type { Tensor } from "../../runtime/model/tensor.ts";
import type { Blocks } from "../pattern.ts";

export interface PruningTarget {
  readonly pattern: SparsityPattern;
  readonly sparsity: number; // fraction of the blocks, or of their cost, removed over all weights; n:m has its own
  readonly maxSparsity: number; // of any one layer
  readonly scale?: Scale; // how magnitudes are compared across layers; as they are, where it is left out
  readonly scope?: Scope; // "global" where it is left out
  /** What each block of a weight costs: elements, multiplications, microseconds. One each where it is left out. */
  readonly costs?: ReadonlyMap<string, ArrayLike<number>>; // by weight: [blocks.count]
}

/** As they are, relative to sqrt(2 / fan-in), or to the root mean square of the layer's weights. */
export type Scale = "none" | "fan-in" | "layer";

/** One ranking over all layers, or the same sparsity in each. */
export type Scope = "global" | "layer";

/** A weight to prune, and how it falls into blocks. */
export interface PrunableWeight {
  readonly name: string;
  readonly value: Tensor<"float32">; // [outputs, inputs, ...taps]
  readonly blocks: Blocks;
  readonly module?: string; // what the weight is part of: weights of one are compared with each other
  /** [blocks.count]: blocks of one number, in whichever weights, vanish together. Each its own where left out. */
  readonly ties?: Int32Array;
  /** Constants [outputs, …] whose rows vanish with the weight's, where a block is a whole output: scales, shifts. */
  readonly followers?: readonly string[];
  readonly activation?: Float64Array; // [inputs]: root mean square of what it reads, measured on data
}

/** Where a search stands. */
export interface SearchState {
  readonly tau: number; // temperature, in standard deviations of what the masks are made of; 0 where masks are hard
  readonly softFraction: number; // of the blocks whose mask lies in (0.01, 0.99)
}

/** A weight after a step. */
export interface Moved {
  readonly value: Float32Array; // without its mask
  readonly gradient: Float32Array; // dL/d(value * mask) before the step
}

/** A search that moves masks while the weights are trained. */
export interface MaskSearch {
  /** The mask of each block of a weight, in [0, 1]. Valid until the next `step`. */
  softMask(name: string): Float32Array; // [blocks.count]
  /** One step: dL/dmask of each block by weight name; `progress` in (0, 1] of the search. */
  step(
    gradients: ReadonlyMap<string, Float64Array>,
    progress: number,
    moved: ReadonlyMap<string, Moved>,
  ): void;
  state(): SearchState;
  /**
   * Masks that are functions of their weights: adds to dL/dvalue what comes through the mask. `blockGradient` is
   * dL/dmask of each block.
   */
  throughMask?(
    name: string,
    value: Float32Array,
    blockGradient: Float64Array,
    gradient: Float32Array,
  ): void;
  /** True where removed weights are to be 0 from now on, not only multiplied by 0. */
  readonly holdsZeros?: boolean;
  /** How often the search has asked the optimiser to forget its averages. */
  readonly restarts?: number;
  /** All that the next step depends on, for a checkpoint; and back. */
  snapshot(): Record<string, Float64Array>;
  restore(arrays: Readonly<Record<string, Float64Array>>): void;
}

export interface PruningRun {
  readonly search?: MaskSearch; // one-shot methods have none
  /** The masks as they stand: exact in pattern and budget. */
  masks(): Map<string, Mask>;
}

export type PruningMethod = (
  weights: readonly PrunableWeight[],
  target: PruningTarget,
  options?: SearchOptions,
) => PruningRun;

/**
 * What a mask starts as: the logarithm of the block's squared norm over its layer's; 0; or, in standard deviations over all
 * layers, the norm, that over the layer's, or the latter weighed by activations.
 */
export type MaskStart = "log-norm" | "constant" | "magnitude" | "norm" | "norm-activation";

/** What a search can be told; every method has good defaults. */
export interface SearchOptions {
  readonly steps?: number; // how many there will be
  readonly learningRate?: number; // of the masks a step, in the unit of their start
  readonly tauStart?: number;
  readonly tauEnd?: number;
  readonly temperature?: "geometric" | "linear" | "cosine" | "fixed"; // how tau falls
  readonly start?: MaskStart; // of smart
  readonly rounds?: number; // of acdc: compressions; of awg: prunings
  readonly penalty?: number; // of pas: weight of the budget in its loss
  readonly seed?: number; // of random
}
