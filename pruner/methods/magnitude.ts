/** Magnitude pruning: the blocks with the smallest root mean square go, in one ranking over all layers or in each. */
import { blockRms } from "../pattern.ts";
import type { PrunableWeight, PruningRun, PruningTarget, Scale } from "./method.ts";
import { byScore } from "./one-shot.ts";

/** One shot: no search, no data. Of n:m the n largest of each group stay. */
export function magnitude(weights: readonly PrunableWeight[], target: PruningTarget): PruningRun {
  const unitOf = units[target.scale ?? "none"];
  return byScore(weights, target, () =>
    weights.map((weight) => {
      const unit = unitOf(weight);
      return blockRms(weight.blocks, weight.value.data).map((rms) => rms / unit);
    }),
  );
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
