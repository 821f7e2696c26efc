/** Magnitude pruning: the blocks with the smallest root mean square go, in one ranking over all layers. */
import type { Mask } from "../../runtime/model/pattern.ts";
import { blockRms, expand, keepGlobally, keepInGroups } from "../pattern.ts";
import type { PrunableWeight, PruningRun, PruningTarget, Scale } from "./method.ts";

/** One shot: no search, no data. Of n:m the n largest of each group stay. */
export function magnitude(weights: readonly PrunableWeight[], target: PruningTarget): PruningRun {
  return { masks: () => masksOf(weights, target) };
}

function masksOf(weights: readonly PrunableWeight[], target: PruningTarget): Map<string, Mask> {
  const { pattern, sparsity, maxSparsity, scale = "none" } = target;
  const scores = weights.map((weight) => {
    const unit = units[scale](weight);
    return blockRms(weight.blocks, weight.value.data).map((rms) => rms / unit);
  });
  const keeps =
    pattern.kind === "n:m"
      ? scores.map((score, l) => keepInGroups(score, weights[l].blocks, pattern))
      : keepGlobally(scores, sparsity, maxSparsity);
  return new Map(weights.map(({ name, blocks }, l) => [name, expand(blocks, keeps[l])]));
}

/** What the magnitudes of a layer are divided by. */
const units: Record<Scale, (weight: PrunableWeight) => number> = {
  none: () => 1,
  // Weights of a layer with many inputs are small because there are many: He's deviation.
  "fan-in": ({ value: { shape } }) => Math.sqrt(2 / shape.slice(1).reduce((a, b) => a * b, 1)),
  layer({ value: { data } }) {
    let sum = 0;
    for (const w of data) sum += w * w;
    return Math.sqrt(sum / data.length) || 1;
  },
};
