/**
 * AWG, Accumulated Weight and Gradient: the magnitude variant in appendix G of SMART (arXiv 2403.19969v1).
 *
 *   G_e = 0.99 G_e + 0.01 |dL/dw_e|,   I_b = eta_l (sum over the block of |w0_e| G_e) / n_b,   eta_l = 1 / (1 - s_l)
 *
 * w0 are the weights before any training here, s_l is the layer's sparsity so far, which protects layers that are
 * sparse already. In `rounds` steps the least important blocks go, after round i of P up to  s (1 - (1 - i / P)^3);
 * between them and at the end the network is fine-tuned with the masks held.
 *
 * The appendix describes this in words. The average's decay, eta and the steps' sparsities are reconstructions. The
 * first tenth of the search accumulates gradients before anything goes.
 */
import { ModelError } from "../../runtime/model/errors.ts";
import { entriesOf, keepEntries, masksOfEntries, meanOfBlocks, toBlocks } from "./entries.ts";
import type { MaskSearch, PrunableWeight, PruningRun, PruningTarget, SearchOptions } from "./method.ts";
import { byScore } from "./one-shot.ts";

const decay = 0.99;
const accumulating = 0.1;

export function awg(
  weights: readonly PrunableWeight[],
  target: PruningTarget,
  { rounds = 3 }: SearchOptions = {},
): PruningRun {
  const entries = entriesOf(weights, target);
  // Before any gradient has been seen all count the same: the weights decide.
  const averages = weights.map(({ value }) => new Float64Array(value.data.length));
  let [hasSeen, done] = [false, 0];
  const keep = new Uint8Array(entries.count).fill(1);
  const isGrouped = target.pattern.kind === "n:m";
  if (!isGrouped) keepEntries(new Float64Array(entries.count), entries, target); // throws now, not later

  const importance = () =>
    weights.map(({ blocks, value: { data } }, l) => {
      const sums = new Float64Array(blocks.count);
      for (let e = 0; e < data.length; e++) {
        sums[blocks.of[e]] += Math.abs(data[e]) * (hasSeen ? averages[l][e] : 1);
      }
      const left = toBlocks(entries, l, keep).reduce((sum, kept) => sum + kept, 0) / blocks.count;
      return sums.map((sum, b) => sum / blocks.sizes[b] / left);
    });
  const masksNow = () => masksOfEntries(weights, entries, keep);
  const prune = (sparsity: number) => {
    if (isGrouped) {
      const { masks } = byScore(weights, target, importance);
      const found = masks();
      for (const [l, { name, blocks }] of weights.entries()) {
        const kept = found.get(name)!.keep;
        for (let e = 0; e < kept.length; e++) keep[entries.of[l][blocks.of[e]]] = kept[e];
      }
      return;
    }
    const scores = meanOfBlocks(entries, importance()).map((score, i) => (keep[i] ? score : -1));
    keep.set(keepEntries(scores, entries, { ...target, sparsity }));
  };
  const sparsityAfter = (round: number) => target.sparsity * (1 - (1 - round / rounds) ** 3);

  const search: MaskSearch = {
    softMask(name) {
      const l = weights.findIndex((weight) => weight.name === name);
      if (l < 0) throw new ModelError(`awg has no mask for the weight '${name}'`);
      return toBlocks(entries, l, keep);
    },
    step(_, progress, moved) {
      for (const [l, { name }] of weights.entries()) {
        const { gradient } = moved.get(name)!;
        const average = averages[l];
        for (let e = 0; e < average.length; e++) {
          average[e] = decay * average[e] + (1 - decay) * Math.abs(gradient[e]);
        }
      }
      hasSeen = true;
      const due = accumulating + ((1 - accumulating) * done) / rounds;
      // A group is pruned once: it has no sparsity between all and n of m.
      if (done < (isGrouped ? 1 : rounds) && progress >= due) prune(sparsityAfter(++done));
    },
    state: () => ({ tau: 0, softFraction: 0 }),
    holdsZeros: true,
    snapshot: () => ({
      done: Float64Array.of(done, Number(hasSeen)),
      keep: Float64Array.from(keep),
      ...Object.fromEntries(averages.map((average, l) => [`average/${l}`, average])),
    }),
    restore(arrays) {
      done = arrays.done[0];
      hasSeen = arrays.done[1] === 1;
      keep.set(arrays.keep);
      for (const [l, average] of averages.entries()) average.set(arrays[`average/${l}`]);
    },
  };

  return {
    search,
    masks() {
      if (done >= (isGrouped ? 1 : rounds)) return masksNow();
      // In the middle of the search: what would stay if it ended now.
      const before = keep.slice();
      prune(target.sparsity);
      const masks = masksNow();
      keep.set(before);
      return masks;
    },
  };
}
