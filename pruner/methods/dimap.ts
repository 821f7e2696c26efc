/**
 * DIMAP (He and Zhou, arXiv 2404.13648): data-independent and module-aware. The score of a block is the part of its
 * layer's distortion that goes with it,
 *
 *   Imp(p_j) = |w_pj|^2 / sum over i <= j of |w_pi|^2,     p sorted by falling norm      (eq. 10)
 *
 * which does not depend on the layer's scale, keeps the order inside a layer, and so decides how much each layer
 * loses. Each module (queries, keys and values; projections; MLPs; all else) loses the same part of its blocks.
 */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Mask } from "../../runtime/model/pattern.ts";
import { blockBudget, blockSums, count, expand, keepBest, keepInGroups, topK } from "../pattern.ts";
import type { PrunableWeight, PruningRun, PruningTarget } from "./method.ts";

/** One shot, without data. Of n:m the n largest of each group stay, as with magnitude. */
export function dimap(weights: readonly PrunableWeight[], target: PruningTarget): PruningRun {
  if (target.costs || target.scope === "layer") {
    throw new ModelError(
      `dimap removes the same part of each module's blocks: it knows no ${target.costs ? "other budget" : "budget of a layer"}; ` +
        "take the method lamp or magnitude",
    );
  }
  return { masks: () => masksOf(weights, target) };
}

function masksOf(weights: readonly PrunableWeight[], target: PruningTarget): Map<string, Mask> {
  const { pattern, sparsity, maxSparsity } = target;
  const keeps = new Map<PrunableWeight, Uint8Array>();
  let [blocksBefore, keptBefore] = [0, 0];
  for (const module of new Set(weights.map((weight) => weight.module ?? "other"))) {
    const members = weights.filter((weight) => (weight.module ?? "other") === module);
    const norms = members.map(({ blocks, value }) =>
      blockSums(
        blocks,
        value.data.map((w) => w * w),
      ),
    );
    if (pattern.kind === "n:m") {
      for (const [l, weight] of members.entries())
        keeps.set(weight, keepInGroups(norms[l], weight.blocks, pattern));
      continue;
    }
    // Rounded so that the modules' budgets sum to that of all.
    blocksBefore += members.reduce((sum, { blocks }) => sum + blocks.count, 0);
    const keptSoFar = blockBudget(blocksBefore, sparsity);
    const best = keepBest(norms.map(importanceByRank), keptSoFar - keptBefore, maxSparsity);
    keptBefore = keptSoFar;
    for (const [l, weight] of members.entries()) keeps.set(weight, topK(norms[l], count(best[l])));
  }
  return new Map(weights.map((weight) => [weight.name, expand(weight.blocks, keeps.get(weight)!)]));
}

/** Imp of the blocks of one layer, the largest block first: it never rises from one to the next. */
export function importanceByRank(norms: Float64Array): Float64Array {
  const falling = norms.slice().sort().reverse();
  let sum = 0;
  return falling.map((norm) => {
    sum += norm;
    return sum > 0 ? norm / sum : 0;
  });
}
