/**
 * What a method decides about: mask entries. An entry is one block, or several in one or more weights that are tied
 * and vanish together. Entries go by layer, in the order of the weights; a tied one belongs to the first that has it.
 */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Mask } from "../../runtime/model/pattern.ts";
import { blockBudget, expand, fewestKept, keepBest, topK } from "../pattern.ts";
import type { PrunableWeight, PruningTarget } from "./method.ts";

export interface Entries {
  readonly count: number;
  readonly of: readonly Int32Array[]; // for each weight [blocks.count]: the entry of each block
  readonly blocks: Float64Array; // [count]: blocks of each
  readonly cost: Float64Array; // [count]: of all blocks of each
  readonly layers: readonly EntryLayer[];
  readonly isPlain: boolean; // each entry is one block that costs 1
}

/** Entries [start, start + count), of which `fewest` stay. */
export interface EntryLayer {
  readonly start: number;
  readonly count: number;
  readonly fewest: number;
}

export function entriesOf(weights: readonly PrunableWeight[], target: PruningTarget): Entries {
  const tied = new Map<number, number>();
  const of: Int32Array[] = [];
  const layers: EntryLayer[] = [];
  let count = 0;
  for (const { blocks, ties } of weights) {
    const start = count;
    of.push(
      Int32Array.from({ length: blocks.count }, (_, b) => {
        if (!ties) return count++;
        if (!tied.has(ties[b])) tied.set(ties[b], count++);
        return tied.get(ties[b])!;
      }),
    );
    const own = count - start;
    if (own > 0) layers.push({ start, count: own, fewest: fewestKept(own, target.maxSparsity) });
  }
  const blocks = new Float64Array(count);
  const cost = new Float64Array(count);
  for (const [l, { name }] of weights.entries()) {
    const costs = target.costs?.get(name);
    for (let b = 0; b < of[l].length; b++) {
      blocks[of[l][b]]++;
      cost[of[l][b]] += costs ? costs[b] : 1;
    }
  }
  const wrong = cost.findIndex((value) => !(value >= 0 && value < Infinity));
  if (wrong >= 0) throw new ModelError(`a block costs ${cost[wrong]}; expected a number ≥ 0`);
  return { count, of, blocks, cost, layers, isPlain: cost.every((value) => value === 1) };
}

/** Values of blocks, by weight, added up to values of entries. */
export function sumOfBlocks({ count, of }: Entries, values: readonly ArrayLike<number>[]): Float64Array {
  const sums = new Float64Array(count);
  for (let l = 0; l < of.length; l++)
    for (let b = 0; b < of[l].length; b++) sums[of[l][b]] += values[l][b];
  return sums;
}

/** The mean over the blocks of each entry. */
export function meanOfBlocks(entries: Entries, values: readonly ArrayLike<number>[]): Float64Array {
  return sumOfBlocks(entries, values).map((sum, i) => sum / entries.blocks[i]);
}

/** Values of entries as values of the blocks of weight `l`. */
export function toBlocks({ of }: Entries, l: number, values: ArrayLike<number>): Float32Array {
  return Float32Array.from(of[l], (entry) => values[entry]);
}

/** What all entries cost that stay; a whole number where they are plain. */
export function budgetOf({ count, cost, isPlain }: Entries, sparsity: number): number {
  const blocks = blockBudget(count, sparsity); // checks the sparsity
  return isPlain ? blocks : (1 - sparsity) * cost.reduce((a, b) => a + b, 0);
}

/**
 * 1 for the entries that stay, the best by score. Plain ones fill the budget exactly; of others the next best that
 * still fits is taken, until none does. Each layer keeps its `fewest`.
 */
export function keepEntries(scores: Float64Array, entries: Entries, target: PruningTarget): Uint8Array {
  const keep = new Uint8Array(entries.count);
  const put = ({ start }: EntryLayer, kept: Uint8Array) => keep.set(kept, start);
  const scoresOf = ({ start, count }: EntryLayer) => scores.subarray(start, start + count);
  if (target.scope === "layer") {
    const counts = layerBudgets(entries, target.sparsity);
    for (const [l, layer] of entries.layers.entries()) {
      put(layer, topK(scoresOf(layer), Math.max(layer.fewest, counts[l])));
    }
    return keep;
  }
  const budget = budgetOf(entries, target.sparsity);
  if (entries.isPlain) {
    const kept = keepBest(entries.layers.map(scoresOf), budget, target.maxSparsity);
    for (const [l, layer] of entries.layers.entries()) put(layer, kept[l]);
    return keep;
  }
  for (const layer of entries.layers) put(layer, topK(scoresOf(layer), layer.fewest));
  let left = budget;
  for (let i = 0; i < keep.length; i++) if (keep[i]) left -= entries.cost[i];
  if (left < -1e-9 * budget) {
    throw new ModelError(
      `the sparsity keeps a cost of ${budget}, but maxSparsity ${target.maxSparsity} keeps at least ` +
        `${budget - left}; lower the sparsity or raise maxSparsity`,
    );
  }
  const order = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
  for (const i of order) {
    if (keep[i] || entries.cost[i] > left * (1 + 1e-12)) continue;
    keep[i] = 1;
    left -= entries.cost[i];
  }
  return keep;
}

/** How many entries of each layer stay at one sparsity for all; rounded so that they add up to the budget of all. */
export function layerBudgets({ layers }: Entries, sparsity: number): number[] {
  let [before, kept] = [0, 0];
  return layers.map(({ count }) => {
    before += count;
    const own = blockBudget(before, sparsity) - kept;
    kept += own;
    return own;
  });
}

/** The masks of all weights. */
export function masksOfEntries(
  weights: readonly PrunableWeight[],
  entries: Entries,
  keep: Uint8Array,
): Map<string, Mask> {
  return new Map(
    weights.map(({ name, blocks }, l) => [
      name,
      expand(
        blocks,
        Uint8Array.from(entries.of[l], (entry) => keep[entry]),
      ),
    ]),
  );
}
