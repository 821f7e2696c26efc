/**
 * LAMP (Lee, Park, Mo, Ahn, Shin, arXiv 2010.07611): magnitude whose scale each layer sets for itself,
 *
 *   score(p_j) = |w_pj|^2 / sum over i <= j of |w_pi|^2,     p sorted by falling norm
 *
 * one ranking over all layers. The paper ranks single weights; here w_p are blocks. Unlike dimap, which has the same
 * formula, modules are not kept apart.
 */
import { blockSums } from "../pattern.ts";
import { importanceByRank } from "./dimap.ts";
import type { PrunableWeight, PruningRun, PruningTarget } from "./method.ts";
import { byScore } from "./one-shot.ts";

/** One shot, without data. Of n:m the n largest of each group stay: the score keeps a layer's order. */
export function lamp(weights: readonly PrunableWeight[], target: PruningTarget): PruningRun {
  return byScore(weights, target, () =>
    weights.map(({ blocks, value }) => {
      const norms = blockSums(
        blocks,
        value.data.map((w) => w * w),
      );
      const falling = Uint32Array.from(norms.keys()).sort((a, b) => norms[b] - norms[a] || a - b);
      const importance = importanceByRank(norms);
      const scores = new Float64Array(norms.length);
      for (let rank = 0; rank < falling.length; rank++) scores[falling[rank]] = importance[rank];
      return scores;
    }),
  );
}
