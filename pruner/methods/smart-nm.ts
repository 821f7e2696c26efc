/**
 * SMART by n:m (appendix F of arXiv 2403.19969v1, as far as it is public): no mask parameters, the soft top-k of the
 * weights' magnitudes in each group of m, while tau falls:
 *
 *   p_G = softTopK(|w_G| / tau) with sum n,   w_hat = p w,   and the gradient flows through p into w as well.
 *
 * tau is in standard deviations of the layer's first magnitudes, and starts where trials at 1:4 were best, at 4, with all
 * of a group nearly alike (docs/experiments.md). Whether the paper scores |w| or w^2 is not public.
 */
import type { NMPattern } from "../pattern.ts";
import { searchInGroups } from "./groups.ts";
import type { PrunableWeight, PruningRun, SearchOptions } from "./method.ts";
import { softTopKInGroups, softTopKInGroupsGradient } from "./topk.ts";

export function smartInGroups(
  weights: readonly PrunableWeight[],
  pattern: NMPattern,
  options: SearchOptions,
): PruningRun {
  const mask = {
    power: 1 as const,
    solve: softTopKInGroups,
    gradient: softTopKInGroupsGradient,
  };
  return searchInGroups(weights, pattern, options, mask, { tauStart: 4, tauEnd: 2e-3 });
}
