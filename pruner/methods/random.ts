/** Random pruning: the floor under every other method. Blocks go by seeded chance, over all layers together. */
import { random as uniformOf } from "../train/random.ts";
import type { PrunableWeight, PruningRun, PruningTarget, SearchOptions } from "./method.ts";
import { byScore } from "./one-shot.ts";

export function random(
  weights: readonly PrunableWeight[],
  target: PruningTarget,
  { seed = 0 }: SearchOptions = {},
): PruningRun {
  return byScore(weights, target, () => {
    const uniform = uniformOf(seed);
    return weights.map(({ blocks }) => Float64Array.from({ length: blocks.count }, uniform));
  });
}
