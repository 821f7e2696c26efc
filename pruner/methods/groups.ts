/**
 * Methods of n:m whose soft mask is a function of the weights: in each group G of m blocks, p = mask(x), where x is the
 * root r of the mean square of a block's weights (|w| where a block is one), or that square itself. So the gradient
 * reaches the weights through p too.
 *
 *   dL/dw_e = p_b g_e + gx_b power r_b^(power - 2) w_e / n_b,   gx = the gradient of mask applied to  g_b = sum of w_e g_e
 */
import { ModelError } from "../../runtime/model/errors.ts";
import { matrixOf } from "../../runtime/model/sparse/format.ts";
import { blockRms, expand, keepInGroups, type NMPattern } from "../pattern.ts";
import type { MaskSearch, Moved, PrunableWeight, PruningRun, SearchOptions } from "./method.ts";
import { softnessOf, temperatureAt } from "./temperature.ts";

/** A mask over groups: `p` from the scores x, and dL/dx from dL/dp. Groups start anew with each row. */
export interface GroupMask {
  readonly power: 1 | 2; // of r in x
  solve(x: Float64Array, tau: number, groups: Groups): Float64Array;
  gradient(p: Float64Array, g: Float64Array, tau: number, groups: Groups): Float64Array;
}

export interface Groups {
  readonly starts: Int32Array; // [groups + 1]: first block of each
  readonly n: number; // blocks that stay in each
}

export function searchInGroups(
  weights: readonly PrunableWeight[],
  pattern: NMPattern,
  options: SearchOptions,
  mask: GroupMask,
  defaults: { readonly tauStart: number; readonly tauEnd: number },
): PruningRun {
  const tauAt = temperatureAt(options, defaults);
  const scoresOf = ({ blocks }: PrunableWeight, value: Float32Array) =>
    blockRms(blocks, value).map((rms) => rms ** mask.power);
  const layers = new Map(
    weights.map((weight) => {
      const x = scoresOf(weight, weight.value.data);
      const mean = x.reduce((a, b) => a + b, 0) / x.length;
      const deviation = Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length) || 1;
      const groups = groupsOf(weight, pattern);
      return [weight.name, { weight, groups, deviation, x, p: mask.solve(x, deviation, groups) }];
    }),
  );
  const layerOf = (name: string) => {
    const layer = layers.get(name);
    if (!layer) throw new ModelError(`the search has no mask for the weight '${name}'`);
    return layer;
  };
  let tau = tauAt(0);
  const solveAll = () => {
    for (const layer of layers.values())
      layer.p = mask.solve(layer.x, tau * layer.deviation, layer.groups);
  };
  solveAll();

  const search: MaskSearch = {
    softMask: (name) => Float32Array.from(layerOf(name).p),

    throughMask(name, value, blockGradient, gradient) {
      const { weight, groups, deviation, x, p } = layerOf(name);
      const { of, sizes } = weight.blocks;
      const slope = mask.power === 1 ? (r: number) => 1 / r : () => 2;
      const gx = mask.gradient(p, blockGradient, tau * deviation, groups);
      for (let e = 0; e < of.length; e++) {
        const b = of[e];
        if (x[b] > 0) gradient[e] += (gx[b] * slope(x[b]) * value[e]) / sizes[b];
      }
    },

    step(_, progress, moved: ReadonlyMap<string, Moved>) {
      tau = tauAt(progress);
      for (const [name, layer] of layers) {
        layer.x = scoresOf(layer.weight, moved.get(name)!.value);
      }
      solveAll();
    },

    state() {
      let [soft, all] = [0, 0];
      for (const { p } of layers.values()) {
        soft += softnessOf(p) * p.length;
        all += p.length;
      }
      return { tau, softFraction: soft / all };
    },
    snapshot: () => ({
      tau: Float64Array.of(tau),
      ...Object.fromEntries(Array.from(layers, ([name, { x }]) => [`x/${name}`, x])),
    }),
    restore(arrays) {
      [tau] = arrays.tau;
      for (const [name, layer] of layers) layer.x = arrays[`x/${name}`].slice();
      solveAll();
    },
  };

  return {
    search,
    masks: () =>
      new Map(
        Array.from(
          layers,
          ([
            name,
            {
              weight: { blocks },
              x,
            },
          ]) => [name, expand(blocks, keepInGroups(x, blocks, pattern))],
        ),
      ),
  };
}

/** As `keepInGroups` has them: m consecutive inputs of one output and tap, fewer at the end of a row. */
function groupsOf({ blocks }: PrunableWeight, { n, m }: NMPattern): Groups {
  const [, inputs] = matrixOf(blocks.shape);
  const starts: number[] = [];
  for (let row = 0; row < blocks.count; row += inputs) {
    for (let first = row; first < row + inputs; first += m) starts.push(first);
  }
  starts.push(blocks.count);
  return { starts: Int32Array.from(starts), n };
}
