/** Magnitude pruning: the blocks with the smallest root mean square go, in one ranking over all layers. */
import type { Mask } from "../../runtime/model/pattern.ts";
import { blockRms, expand, keepGlobally, keepInGroups } from "../pattern.ts";
import type { PrunableWeight, PruningRun, PruningTarget } from "./method.ts";

/** One shot: no search, no data. Of n:m the n largest of each group stay. */
export function magnitude(weights: readonly PrunableWeight[], target: PruningTarget): PruningRun {
  return { masks: () => masksOf(weights, target) };
}

function masksOf(weights: readonly PrunableWeight[], target: PruningTarget): Map<string, Mask> {
  const { pattern, sparsity, maxSparsity } = target;
  const scores = weights.map(({ blocks, value }) => blockRms(blocks, value.data));
  const keeps =
    pattern.kind === "n:m"
      ? scores.map((score, l) => keepInGroups(score, weights[l].blocks, pattern))
      : keepGlobally(scores, sparsity, maxSparsity);
  return new Map(weights.map(({ name, blocks }, l) => [name, expand(blocks, keeps[l])]));
}
