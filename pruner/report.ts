/** What pruning did, as plain data: it goes into JSON, tables and plots. */
import { type Graph, isSparse } from "../runtime/model/graph.ts";
import type { Mask } from "../runtime/model/pattern.ts";
import { storedBytes } from "../runtime/model/sparse/index.ts";
import { bytesPerElement, type Shape, sizeOf } from "../runtime/model/tensor.ts";
import type { Scope } from "./methods/method.ts";
import { count, keptBlocks } from "./pattern.ts";
import type { RemovedChannels } from "./simplify/channels.ts";
import type { Evaluation } from "./train/evaluate.ts";
import type { Stage } from "./train/progress.ts";
import type { NodeWeight, SkippedWeight } from "./weights.ts";

export interface LayerReport {
  readonly node: string;
  readonly weight: string;
  readonly module?: string; // "qkv", "projection", "mlp" or "other"
  readonly shape: Shape; // of the masks; without dead channels it may be less
  readonly blocks: number;
  readonly keptBlocks: number;
  readonly elements: number;
  readonly keptElements: number;
  readonly denseBytes: number;
  readonly storedBytes: number; // values and indices
}

/** Where the search stood after an epoch; epoch 0 is before the first step. Losses are of the same training images. */
export interface SearchEpoch {
  readonly epoch: number;
  readonly tau: number;
  readonly softFraction: number; // of the blocks, with a mask in (0.01, 0.99)
  readonly lossSoft: number; // weights times their soft masks
  readonly lossHard: number; // and then only the kept blocks
  readonly sparsity?: Readonly<Record<string, number>>; // by weight, of the elements
}

export interface SearchStep {
  readonly step: number;
  readonly tau: number;
  readonly softFraction: number;
}

/** Training as it went. */
export interface TrainingStep {
  readonly stage: Stage;
  readonly epoch: number; // of the stage
  readonly step: number; // of the whole run
  readonly loss: number; // running mean
  readonly accuracy: number; // running mean, of training images
}

export interface PruneReport {
  readonly model: string;
  readonly method: string;
  readonly pattern: string; // "block:16x8"
  readonly sparsity: number; // asked, of the budget
  readonly budget: string; // "blocks", "weights", "macs" or "latency"
  readonly scope: Scope;
  readonly seed: number;
  readonly accuracy?: { readonly before: Evaluation; readonly after: Evaluation }; // on the validation images
  readonly loss?: { readonly before: number; readonly after: number }; // the user's, on the validation images
  readonly blocks: { readonly total: number; readonly asked: number; readonly kept: number };
  readonly elements: { readonly total: number; readonly kept: number }; // of the pruned weights
  readonly bytes: { readonly dense: number; readonly stored: number }; // of all constants
  readonly channels?: RemovedChannels; // that were dead, or are so without what was pruned
  readonly layers: readonly LayerReport[];
  readonly skipped: readonly SkippedWeight[]; // each with the reason
  readonly search?: {
    readonly epochs: readonly SearchEpoch[];
    readonly steps: readonly SearchStep[]; // a hundred or so of them
  };
  readonly training?: readonly TrainingStep[]; // some two hundred of them
  readonly seconds: Readonly<Record<string, number>>; // of each stage
}

export function layerReports(
  graph: Graph,
  weights: readonly NodeWeight[],
  masks: ReadonlyMap<string, Mask>,
): LayerReport[] {
  return weights.map(({ node, name, blocks, module }) => {
    const mask = masks.get(name)!;
    const elements = sizeOf(blocks.shape);
    // Found by node: simplifying may have renamed the weight. Where all that read the node is dead, it is gone.
    const [, stored] = graph.nodes.find((candidate) => candidate.name === node)?.inputs ?? [];
    return {
      node,
      weight: name,
      shape: blocks.shape,
      blocks: blocks.count,
      keptBlocks: keptBlocks(mask),
      elements,
      keptElements: count(mask.keep),
      denseBytes: 4 * elements,
      module,
      storedBytes: stored === undefined ? 0 : storedBytes(graph.constants.get(stored)!),
    };
  });
}

/** Bytes of all constants: dense, and as they are stored. */
export function constantBytes(graph: Graph): { dense: number; stored: number } {
  let dense = 0;
  let stored = 0;
  for (const constant of graph.constants.values()) {
    dense += sizeOf(constant.shape) * (isSparse(constant) ? 4 : bytesPerElement(constant.dtype));
    stored += storedBytes(constant);
  }
  return { dense, stored };
}
