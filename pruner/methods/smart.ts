/**
 * SMART (arXiv 2403.19969): Separate, Dynamic and Differentiable pruning.
 *
 * Every block b has a mask parameter m_b of its own, apart from the weights. The network is trained
 * with  w_b f_b,  f = softTopK(m / tau), one budget over all layers or one in each, while tau falls: at a fixed tau a
 * mask can stay soft for ever, since w f does not change when w grows as f shrinks. At the end the
 * top-k of m is the hard mask. Blocks that are tied have one parameter; of n:m there are none (smart-nm.ts).
 *
 * The paper's schedule and first mask are not public in full. Here: m_b = log(||w_b||^2 / ||w||^2), mean squares of
 * the block and of its layer, so that at tau = 1 the odds of a mask are as its block's: blocks of 16x8, which are much
 * alike, start nearly equal, single weights do not. tau falls geometrically; m is moved by Adam at a rate well
 * above the weights', without weight decay. `start` may also be "constant", 0; or, standardised over all layers,
 * "magnitude", "norm", that over the layer's, or "norm-activation", which weighs each w by what it multiplies: large
 * blocks then stay near where they started, and single weights that start constant are left to chance
 * (docs/experiments.md).
 */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Mask } from "../../runtime/model/pattern.ts";
import { createAdam } from "./adam.ts";
import {
  budgetOf,
  type Entries,
  entriesOf,
  keepEntries,
  layerBudgets,
  masksOfEntries,
  meanOfBlocks,
  sumOfBlocks,
  toBlocks,
} from "./entries.ts";
import type {
  MaskSearch,
  PrunableWeight,
  PruningRun,
  PruningTarget,
  SearchOptions,
  SearchState,
} from "./method.ts";
import { blockScores, standardised } from "./scores.ts";
import { smartInGroups } from "./smart-nm.ts";
import { softnessOf, temperatureAt } from "./temperature.ts";
import { softTopK, softTopKGradient } from "./topk.ts";

/** How far Adam can move a mask over the whole search, in the unit of its start; and at most in a step. */
const travel = 25;
const fastest = 0.1;

/** Of the square of a norm over its layer's; blocks of zeros get what others can catch up with. */
const logSquare = (norm: number) => 2 * Math.log(Math.max(norm, 1e-3));

export function smart(
  weights: readonly PrunableWeight[],
  target: PruningTarget,
  options: SearchOptions = {},
): PruningRun {
  if (target.pattern.kind === "n:m") return smartInGroups(weights, target.pattern, options);
  const { steps = 300, start = "log-norm" } = options;
  const { learningRate = Math.min(fastest, travel / steps) } = options;
  const tauAt = temperatureAt(options, { tauStart: 1, tauEnd: 2e-3 });
  const entries = entriesOf(weights, target);
  const budgets = budgetsOf(entries, target);
  const scores = meanOfBlocks(entries, blockScores(weights, start));
  const m = start === "log-norm" ? scores.map(logSquare) : standardised(scores);
  const adam = createAdam(m.length);
  // Throws now, not after the training, where the budget is below what the layers must keep.
  keepEntries(m, entries, target);

  let tau = tauAt(0);
  let mask = solve(m, entries, budgets, tau);

  const search: MaskSearch = {
    softMask(name: string): Float32Array {
      const l = weights.findIndex((weight) => weight.name === name);
      if (l < 0) throw new ModelError(`smart has no mask for the weight '${name}'`);
      return toBlocks(entries, l, mask.p);
    },

    step(gradients: ReadonlyMap<string, Float64Array>, progress: number): void {
      const g = sumOfBlocks(
        entries,
        weights.map(({ name }) => gradients.get(name)!),
      );
      adam.step(m, maskGradient(mask, g, entries.cost, tau), learningRate);
      tau = tauAt(progress);
      mask = solve(m, entries, budgets, tau);
    },

    state: (): SearchState => ({ tau, softFraction: softnessOf(mask.p) }),
    snapshot: () => ({ m, ...adam.snapshot(), tau: Float64Array.of(tau) }),
    restore(arrays) {
      m.set(arrays.m);
      adam.restore(arrays);
      [tau] = arrays.tau;
      mask = solve(m, entries, budgets, tau);
    },
  };

  return {
    search,
    masks: (): Map<string, Mask> => masksOfEntries(weights, entries, keepEntries(m, entries, target)),
  };
}

/** Entries [start, start + count) with a budget: their cost in all, or no less than that. */
interface Budgeted {
  readonly start: number;
  readonly count: number;
  readonly least: number;
}

interface Budgets {
  readonly layers: readonly Budgeted[];
  readonly shared: number; // of all layers together; NaN where each has exactly its own
}

function budgetsOf(entries: Entries, target: PruningTarget): Budgets {
  const counts = target.scope === "layer" ? layerBudgets(entries, target.sparsity) : undefined;
  const layers = entries.layers.map(({ start, count, fewest }, l) => {
    const kept = counts ? Math.max(fewest, counts[l]) : fewest;
    const cost = sumOver(entries.cost, { start, count });
    return { start, count, least: (cost * kept) / count };
  });
  return { layers, shared: counts ? Number.NaN : budgetOf(entries, target.sparsity) };
}

/** The mask of every entry, and the groups of layers that share a budget: `p` competes within a group. */
interface SoftMask {
  readonly p: Float64Array;
  readonly groups: readonly (readonly Budgeted[])[];
}

/**
 * The soft top-k of all layers together. A layer that would fall below its least gets exactly that for itself, and the
 * others share what is left, until none falls below.
 */
function solve(m: Float64Array, { cost }: Entries, budgets: Budgets, tau: number): SoftMask {
  const p = new Float64Array(m.length);
  const pin = (layer: Budgeted) => {
    scatter(topKOrAll(gather(m, [layer]), layer.least, tau, gather(cost, [layer])), [layer], p);
    return [layer];
  };
  if (Number.isNaN(budgets.shared)) return { p, groups: budgets.layers.map(pin) };
  const pinned: Budgeted[] = [];
  let free = [...budgets.layers];
  let left = budgets.shared;
  while (free.length > 0) {
    scatter(topKOrAll(gather(m, free), left, tau, gather(cost, free)), free, p);
    const short = free.filter((layer) => {
      let kept = 0;
      for (let i = layer.start; i < layer.start + layer.count; i++) kept += cost[i] * p[i];
      return kept < layer.least * (1 - 1e-6);
    });
    if (short.length === 0) break;
    for (const layer of short) {
      pinned.push(...pin(layer));
      left -= layer.least;
    }
    free = free.filter((layer) => !short.includes(layer));
  }
  return { p, groups: [...pinned.map((layer) => [layer]), free] };
}

function topKOrAll(x: Float64Array, K: number, tau: number, n: Float64Array): Float64Array {
  const total = n.reduce((sum, value) => sum + value, 0);
  return K >= total * (1 - 1e-12) ? new Float64Array(x.length).fill(1) : softTopK(x, K, tau, n).p;
}

function maskGradient(
  { p, groups }: SoftMask,
  g: Float64Array,
  cost: Float64Array,
  tau: number,
): Float64Array {
  const gm = new Float64Array(p.length);
  for (const group of groups) {
    const gradient = softTopKGradient(gather(p, group), gather(g, group), tau, gather(cost, group));
    scatter(gradient, group, gm);
  }
  return gm;
}

function sumOver(values: Float64Array, { start, count }: { start: number; count: number }): number {
  return values.subarray(start, start + count).reduce((sum, value) => sum + value, 0);
}

/** The entries of some layers, one after another. */
function gather(values: Float64Array, layers: readonly Budgeted[]): Float64Array {
  const gathered = new Float64Array(layers.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  for (const { start, count } of layers) {
    gathered.set(values.subarray(start, start + count), at);
    at += count;
  }
  return gathered;
}

/** The inverse of `gather`. */
function scatter(gathered: Float64Array, layers: readonly Budgeted[], values: Float64Array): void {
  let at = 0;
  for (const { start, count } of layers) {
    values.set(gathered.subarray(at, at + count), start);
    at += count;
  }
}
