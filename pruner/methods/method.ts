/** What a pruning method is: it decides which blocks go, at once or in a search beside the training. */
import type { Mask, SparsityPattern } from "../../runtime/model/pattern.ts";
import type { Tensor } from "../../runtime/model/tensor.ts";
import type { Blocks } from "../pattern.ts";

export interface PruningTarget {
  readonly pattern: SparsityPattern;
  readonly sparsity: number; // fraction of the blocks removed, over all weights together; n:m has its own
  readonly maxSparsity: number; // of any one layer
  readonly scale?: Scale; // how magnitudes are compared across layers; as they are, where it is left out
}

/** As they are, relative to sqrt(2 / fan-in), or to the root mean square of the layer's weights. */
export type Scale = "none" | "fan-in" | "layer";

/** A weight to prune, and how it falls into blocks. */
export interface PrunableWeight {
  readonly name: string;
  readonly value: Tensor<"float32">; // [outputs, inputs, ...taps]
  readonly blocks: Blocks;
  readonly module?: string; // what the weight is part of: weights of one are compared with each other
}

/** Where a search stands. */
export interface SearchState {
  readonly tau: number; // temperature, in standard deviations of the first mask parameters
  readonly softFraction: number; // of the blocks whose mask lies in (0.01, 0.99)
}

/** A search that moves masks while the weights are trained. */
export interface MaskSearch {
  /** The mask of each block of a weight, in [0, 1]. Valid until the next `step`. */
  softMask(name: string): Float32Array; // [blocks.count]
  /** One step: dL/dmask of each block by weight name; `progress` in [0, 1] of the search. */
  step(gradients: ReadonlyMap<string, Float64Array>, progress: number): void;
  state(): SearchState;
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

/** What a search can be told; every method has good defaults. */
export interface SearchOptions {
  readonly steps?: number; // how many there will be
  readonly learningRate?: number; // of the masks, in standard deviations of their first values a step
  readonly tauStart?: number;
  readonly tauEnd?: number;
}
