/**
 * SMART (arXiv 2403.19969): Separate, Dynamic and Differentiable pruning.
 *
 * Every block b has a mask parameter m_b of its own, apart from the weights. The network is trained
 * with  w_b f_b,  f = softTopK(m / tau), one budget over all layers, while tau falls: at a fixed tau a
 * mask can stay soft for ever, since w f does not change when w grows as f shrinks. At the end the
 * top-k of m is the hard mask.
 *
 * The paper's schedule and first mask are not public in full. Here: m_b = ||w_b||_2 / sqrt(n_b) over
 * the layer's root mean square, standardised over all layers; tau falls geometrically; m is moved by
 * Adam at a rate well above the weights', without weight decay.
 */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Mask } from "../../runtime/model/pattern.ts";
import { blockBudget, blockRms, expand, fewestKept, keepGlobally } from "../pattern.ts";
import type { PrunableWeight, PruningRun, PruningTarget, SearchOptions, SearchState } from "./method.ts";
import { softTopK, softTopKGradient } from "./topk.ts";

/** How far Adam can move a mask over the whole search, in deviations of the first masks; and at most in a step. */
const travel = 25;
const fastest = 0.1;

export function smart(
  weights: readonly PrunableWeight[],
  target: PruningTarget,
  options: SearchOptions = {},
): PruningRun {
  const { steps = 300, tauStart = 0.5, tauEnd = 2e-3 } = options;
  const { learningRate = Math.min(fastest, travel / steps) } = options;
  if (target.pattern.kind === "n:m") {
    throw new ModelError(
      "smart does not search n:m masks; use the method magnitude, or a block pattern",
    );
  }
  const layers = layersOf(weights, target.maxSparsity);
  const total = layers.reduce((sum, layer) => sum + layer.count, 0);
  const budget = blockBudget(total, target.sparsity);
  const m = firstMasks(weights, total);
  const adam = { mean: new Float64Array(total), square: new Float64Array(total), steps: 0 };
  // Throws now, not after the training, where the budget is below what the layers must keep.
  keepGlobally(byLayer(m, layers), target.sparsity, target.maxSparsity);

  let tau = tauStart;
  let mask = solve(m, layers, budget, tau);

  const search = {
    softMask(name: string): Float32Array {
      const layer = layers.find((candidate) => candidate.name === name);
      if (!layer) throw new ModelError(`smart has no mask for the weight '${name}'`);
      return Float32Array.from(mask.p.subarray(layer.start, layer.start + layer.count));
    },

    step(gradients: ReadonlyMap<string, Float64Array>, progress: number): void {
      const g = new Float64Array(total);
      for (const layer of layers) g.set(gradients.get(layer.name)!, layer.start);
      adamStep(m, maskGradient(mask, g, tau), adam, learningRate);
      tau = tauStart * (tauEnd / tauStart) ** progress;
      mask = solve(m, layers, budget, tau);
    },

    state(): SearchState {
      let soft = 0;
      for (const p of mask.p) if (p > 0.01 && p < 0.99) soft++;
      return { tau, softFraction: soft / total };
    },
  };

  return {
    search,
    masks(): Map<string, Mask> {
      const keeps = keepGlobally(byLayer(m, layers), target.sparsity, target.maxSparsity);
      return new Map(weights.map(({ name, blocks }, l) => [name, expand(blocks, keeps[l])]));
    },
  };
}

/** Where a layer's blocks lie among all, and how many of them must stay. */
interface Layer {
  readonly name: string;
  readonly start: number;
  readonly count: number;
  readonly fewest: number;
}

function layersOf(weights: readonly PrunableWeight[], maxSparsity: number): Layer[] {
  let start = 0;
  return weights.map(({ name, blocks: { count } }) => {
    const layer = { name, start, count, fewest: fewestKept(count, maxSparsity) };
    start += count;
    return layer;
  });
}

function byLayer(values: Float64Array, layers: readonly Layer[]): Float64Array[] {
  return layers.map(({ start, count }) => values.subarray(start, start + count));
}

/** Root mean square of each block over that of its layer, then mean 0 and deviation 1 over all blocks. */
function firstMasks(weights: readonly PrunableWeight[], total: number): Float64Array {
  const m = new Float64Array(total);
  let start = 0;
  for (const { blocks, value } of weights) {
    const rms = blockRms(blocks, value.data);
    const layerRms = Math.sqrt(value.data.reduce((sum, w) => sum + w * w, 0) / value.data.length);
    for (let b = 0; b < rms.length; b++) m[start + b] = layerRms > 0 ? rms[b] / layerRms : 0;
    start += blocks.count;
  }
  const mean = m.reduce((sum, value) => sum + value, 0) / total;
  const deviation = Math.sqrt(m.reduce((sum, value) => sum + (value - mean) ** 2, 0) / total);
  return m.map((value) => (deviation > 0 ? (value - mean) / deviation : 0));
}

/** The mask of every block, and the groups of layers that share a budget: `p` competes within a group. */
interface SoftMask {
  readonly p: Float64Array;
  readonly groups: readonly (readonly Layer[])[];
}

/**
 * The soft top-k of all layers together. A layer that would fall below its fewest blocks gets a budget
 * of exactly that many for itself, and the others share what is left, until none falls below.
 */
function solve(m: Float64Array, layers: readonly Layer[], budget: number, tau: number): SoftMask {
  const p = new Float64Array(m.length);
  const pinned: Layer[] = [];
  let free = [...layers];
  let left = budget;
  while (free.length > 0) {
    const shared = gather(m, free);
    const soft = topKOrAll(shared, left, tau);
    scatter(soft, free, p);
    const short = free.filter(({ start, count, fewest }) => {
      let sum = 0;
      for (let b = start; b < start + count; b++) sum += p[b];
      return sum < fewest - 1e-6;
    });
    if (short.length === 0) break;
    for (const layer of short) {
      scatter(topKOrAll(gather(m, [layer]), layer.fewest, tau), [layer], p);
      left -= layer.fewest;
      pinned.push(layer);
    }
    free = free.filter((layer) => !short.includes(layer));
  }
  return { p, groups: [...pinned.map((layer) => [layer]), free] };
}

function topKOrAll(x: Float64Array, k: number, tau: number): Float64Array {
  return k >= x.length ? new Float64Array(x.length).fill(1) : softTopK(x, k, tau).p;
}

function maskGradient({ p, groups }: SoftMask, g: Float64Array, tau: number): Float64Array {
  const gm = new Float64Array(p.length);
  for (const group of groups) {
    scatter(softTopKGradient(gather(p, group), gather(g, group), tau), group, gm);
  }
  return gm;
}

/** The blocks of some layers, one after another. */
function gather(values: Float64Array, layers: readonly Layer[]): Float64Array {
  const gathered = new Float64Array(layers.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  for (const { start, count } of layers) {
    gathered.set(values.subarray(start, start + count), at);
    at += count;
  }
  return gathered;
}

/** The inverse of `gather`. */
function scatter(gathered: Float64Array, layers: readonly Layer[], values: Float64Array): void {
  let at = 0;
  for (const { start, count } of layers) {
    values.set(gathered.subarray(at, at + count), start);
    at += count;
  }
}

/** Adam (Kingma & Ba 2015, algorithm 1) without weight decay, which would pull all masks together. */
function adamStep(
  m: Float64Array,
  gradient: Float64Array,
  adam: { mean: Float64Array; square: Float64Array; steps: number },
  learningRate: number,
): void {
  const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
  adam.steps++;
  const rate = (learningRate * Math.sqrt(1 - beta2 ** adam.steps)) / (1 - beta1 ** adam.steps);
  for (let i = 0; i < m.length; i++) {
    const g = gradient[i];
    adam.mean[i] += (1 - beta1) * (g - adam.mean[i]);
    adam.square[i] += (1 - beta2) * (g * g - adam.square[i]);
    m[i] -= (rate * adam.mean[i]) / (Math.sqrt(adam.square[i]) + epsilon);
  }
}
