/** Methods that rank blocks once, by a score. */
import { keepInGroups } from "../pattern.ts";
import { entriesOf, keepEntries, masksOfEntries, meanOfBlocks } from "./entries.ts";
import type { PrunableWeight, PruningRun, PruningTarget } from "./method.ts";

/** Keeps the best blocks by `scores`, one array a weight; of n:m the n best of each group. */
export function byScore(
  weights: readonly PrunableWeight[],
  target: PruningTarget,
  scores: () => readonly ArrayLike<number>[],
): PruningRun {
  const { pattern } = target;
  const entries = entriesOf(weights, target);
  return {
    masks() {
      const all = scores();
      if (pattern.kind === "n:m") {
        const keep = new Uint8Array(entries.count);
        for (const [l, { blocks }] of weights.entries()) {
          keep.set(keepInGroups(all[l], blocks, pattern), entries.of[l][0]);
        }
        return masksOfEntries(weights, entries, keep);
      }
      return masksOfEntries(weights, entries, keepEntries(meanOfBlocks(entries, all), entries, target));
    },
  };
}
