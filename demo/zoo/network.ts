/** What a network of the zoo is. */
import type { Graph } from "../../pruner/index.ts";

export type ImageSize = readonly [height: number, width: number];

export interface ZooNetwork {
  /** Batch 1, every size a number. Weights are random: the same seed gives the same network. */
  build(seed: number, size: ImageSize): Graph;
  readonly size: ImageSize; // that the published figures are for
  readonly smallSize: ImageSize; // that shows every operator and takes little work
  readonly multiple: number; // of which both sides are
  /** Layers that make the result, besides the last one, which is never pruned: not pruned either. */
  readonly heads?: readonly string[];
  /** As its authors or their code give them. A multiplication with its addition is one. */
  readonly published: { readonly millionParameters: number; readonly gigaMacs: number };
}
