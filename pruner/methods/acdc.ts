/**
 * AC/DC (Peste, Iofinova, Vladu, Alistarh, NeurIPS 2021, arXiv 2106.12379): Alternating Compressed / DeCompressed.
 *
 *   compressed     the largest by magnitude at the full sparsity stay, the rest is 0; the mask is held
 *   decompressed   everything trains; what was removed starts again at 0, momentum is forgotten
 *
 * and the end, the fine-tuning, is compressed. For blocks the magnitude is the root mean square, ranked over all layers.
 * The paper trains from scratch for long; here the search has `rounds` cycles, two thirds of each compressed, and then
 * a compressed end: too few for the method to show what it can, which a comparison must say.
 */
import { ModelError } from "../../runtime/model/errors.ts";
import { magnitude } from "./magnitude.ts";
import type { MaskSearch, PrunableWeight, PruningRun, PruningTarget, SearchOptions } from "./method.ts";

const compressedPart = 2 / 3;

export function acdc(
  weights: readonly PrunableWeight[],
  target: PruningTarget,
  { rounds = 2 }: SearchOptions = {},
): PruningRun {
  const values = new Map(weights.map(({ name, value }) => [name, value.data]));
  const rank = () => {
    const current = weights.map((weight) => ({
      ...weight,
      value: { ...weight.value, data: values.get(weight.name)! },
    }));
    return magnitude(current, target).masks();
  };
  let masks = rank();
  let phase = 0; // even: compressed

  const perBlock = (name: string) => {
    const weight = weights.find((candidate) => candidate.name === name);
    if (!weight) throw new ModelError(`acdc has no mask for the weight '${name}'`);
    const { of, count } = weight.blocks;
    const mask = new Float32Array(count).fill(1);
    if (phase % 2 === 0) {
      const { keep } = masks.get(name)!;
      for (let e = 0; e < of.length; e++) if (!keep[e]) mask[of[e]] = 0;
    }
    return mask;
  };

  const search: MaskSearch = {
    softMask: perBlock,
    step(_, progress, moved) {
      for (const [name, { value }] of moved) values.set(name, value);
      const cycle = Math.min(rounds - 1, Math.floor(progress * rounds));
      const next = 2 * cycle + (progress * rounds - cycle < compressedPart ? 0 : 1);
      if (next === phase) return;
      phase = next;
      if (phase % 2 === 0) masks = rank();
    },
    state: () => ({ tau: 0, softFraction: 0 }),
    get holdsZeros() {
      return phase % 2 === 0;
    },
    get restarts() {
      return Math.ceil(phase / 2);
    },
    snapshot: () => ({
      phase: Float64Array.of(phase),
      ...Object.fromEntries(
        Array.from(masks, ([name, { keep }]) => [`keep/${name}`, Float64Array.from(keep)]),
      ),
      ...Object.fromEntries(
        Array.from(values, ([name, data]) => [`value/${name}`, Float64Array.from(data)]),
      ),
    }),
    restore(arrays) {
      [phase] = arrays.phase;
      masks = new Map(
        Array.from(masks, ([name, mask]) => [
          name,
          { ...mask, keep: Uint8Array.from(arrays[`keep/${name}`]) },
        ]),
      );
      for (const { name } of weights) values.set(name, Float32Array.from(arrays[`value/${name}`]));
    },
  };

  // After the last decompressed phase the weights decide anew.
  return { search, masks: () => (phase % 2 === 0 ? masks : rank()) };
}
