/**
 * PDP (Cho, Adya, Naik, NeurIPS 2023, arXiv 2305.11203): the mask is a function of the weights, no parameters.
 *
 *   t = (least of the largest + largest of the rest) / 2,   m(w) = sigma((w^2 - t^2) / tau),   w_hat = m(w) w
 *
 * How much each layer loses is fixed at the start by one ranking of magnitudes over all layers; the part removed rises
 * to that in even steps; tau stays as it is. At the end the largest stay. Of n:m, t lies in each group of m.
 *
 * The paper prunes single weights and channels. For blocks, w^2 is the block's mean square and w the root of that.
 * Open in what could be read, chosen here: tau, there 1e-4 for weights whose squares deviate by about 3.5e-3, is 0.03
 * of the layer's deviation of w^2, by n:m 1, which was better by far (docs/experiments.md); the ramp is linear over the
 * first 80 % of the search; t counts as a constant.
 */
import { ModelError } from "../../runtime/model/errors.ts";
import { blockRms, expand, topK } from "../pattern.ts";
import { searchInGroups } from "./groups.ts";
import { magnitude } from "./magnitude.ts";
import type { MaskSearch, PrunableWeight, PruningRun, PruningTarget, SearchOptions } from "./method.ts";
import { softnessOf } from "./temperature.ts";

const relativeTau = 0.03;
const relativeTauInGroups = 1;
const ramp = 0.8;

export function pdp(
  weights: readonly PrunableWeight[],
  target: PruningTarget,
  options: SearchOptions = {},
): PruningRun {
  if (target.pattern.kind === "n:m") {
    const fixed = { ...options, temperature: "fixed" } as const;
    const taus = { tauStart: relativeTauInGroups, tauEnd: relativeTauInGroups };
    return searchInGroups(weights, target.pattern, fixed, groupMask, taus);
  }
  const first = magnitude(weights, target).masks();
  const layers = new Map(
    weights.map((weight) => {
      const { name, blocks, value } = weight;
      const x = blockRms(blocks, value.data);
      const kept = keptOf(weight, first.get(name)!.keep);
      const tau = (options.tauStart ?? relativeTau) * (deviationOf(x.map((rms) => rms * rms)) || 1);
      return [name, { blocks, x, kept, tau, p: new Float64Array(blocks.count).fill(1) }];
    }),
  );
  const layerOf = (name: string) => {
    const layer = layers.get(name);
    if (!layer) throw new ModelError(`pdp has no mask for the weight '${name}'`);
    return layer;
  };
  let progress = 0;
  const solve = () => {
    const reached = Math.min(1, progress / ramp);
    for (const layer of layers.values()) {
      const { x, kept, tau } = layer;
      const removed = Math.round(reached * (x.length - kept));
      const t = removed === 0 ? 0 : midpoint(x, x.length - removed);
      layer.p = x.map((rms) => (removed === 0 ? 1 : sigmoid((rms * rms - t * t) / tau)));
    }
  };

  const search: MaskSearch = {
    softMask: (name) => Float32Array.from(layerOf(name).p),

    throughMask(name, value, blockGradient, gradient) {
      const { blocks, p, tau } = layerOf(name);
      for (let e = 0; e < blocks.of.length; e++) {
        const b = blocks.of[e];
        gradient[e] += (((blockGradient[b] * p[b] * (1 - p[b])) / tau) * 2 * value[e]) / blocks.sizes[b];
      }
    },

    step(_, at, moved) {
      progress = at;
      for (const [name, layer] of layers) layer.x = blockRms(layer.blocks, moved.get(name)!.value);
      solve();
    },

    state() {
      const all = Array.from(layers.values(), ({ p }) => [...p]).flat();
      return { tau: options.tauStart ?? relativeTau, softFraction: softnessOf(all) };
    },
    snapshot: () => ({
      progress: Float64Array.of(progress),
      ...Object.fromEntries(Array.from(layers, ([name, { x }]) => [`x/${name}`, x])),
    }),
    restore(arrays) {
      [progress] = arrays.progress;
      for (const [name, layer] of layers) layer.x = arrays[`x/${name}`].slice();
      solve();
    },
  };

  return {
    search,
    masks: () =>
      new Map(
        Array.from(layers, ([name, { blocks, x, kept }]) => [name, expand(blocks, topK(x, kept))]),
      ),
  };
}

/** The same mask in each group, x being w^2. */
const groupMask: Parameters<typeof searchInGroups>[3] = {
  power: 2,
  solve(x, tau, { starts, n }) {
    const p = new Float64Array(x.length).fill(1);
    for (let group = 0; group + 1 < starts.length; group++) {
      const [start, end] = [starts[group], starts[group + 1]];
      if (end - start <= n) continue;
      const t = midpoint(x.subarray(start, end).map(Math.sqrt), n);
      for (let i = start; i < end; i++) p[i] = sigmoid((x[i] - t * t) / tau);
    }
    return p;
  },
  gradient: (p, g, tau) => p.map((pi, i) => (g[i] * pi * (1 - pi)) / tau),
};

/** Half way between the k-th largest and the next. */
function midpoint(x: Float64Array, k: number): number {
  const falling = x.slice().sort().reverse();
  return (falling[k - 1] + falling[k]) / 2;
}

function keptOf({ blocks }: PrunableWeight, keep: Uint8Array): number {
  const stays = new Uint8Array(blocks.count);
  for (let e = 0; e < keep.length; e++) if (keep[e]) stays[blocks.of[e]] = 1;
  return stays.reduce((sum, stay) => sum + stay, 0);
}

function deviationOf(values: Float64Array): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
