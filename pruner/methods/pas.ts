/**
 * PaS, Pruning as Search (Li et al., IJCAI 2022, arXiv 2206.01198): a parameter v for each block, in the network as a
 * hard 0 or 1, whose gradient passes straight through; the budget is a penalty.
 *
 *   b = [v > 0.5],  w_hat = b w,   dL/dv_b = sum over the block of w dL/dw_hat + penalty dR/dv,
 *   R = ((sum n b - K) / sum n)^2
 *
 * v starts at 1. A block with b = 0 gets no weight gradient. At the end the k largest v stay, exactly.
 *
 * The paper has one v a channel; here one a block. The printed penalty could not be read: R is a reconstruction.
 * Since the scale of dL/dv is that of the weights, it is divided by its root mean square over all blocks, so that
 * `learningRate` and `penalty` mean the same for every network; v is moved by SGD of its own with momentum 0.9.
 */
import { ModelError } from "../../runtime/model/errors.ts";
import { budgetOf, entriesOf, keepEntries, masksOfEntries, sumOfBlocks, toBlocks } from "./entries.ts";
import type { MaskSearch, PrunableWeight, PruningRun, PruningTarget, SearchOptions } from "./method.ts";
import { byScore } from "./one-shot.ts";

const momentum = 0.9;

export function pas(
  weights: readonly PrunableWeight[],
  target: PruningTarget,
  options: SearchOptions = {},
): PruningRun {
  const { steps = 300, learningRate = Math.min(0.05, 2 / steps), penalty = 4 } = options;
  const { pattern } = target;
  const entries = entriesOf(weights, target);
  const v = new Float64Array(entries.count).fill(1);
  const velocity = new Float64Array(entries.count);
  const total = entries.cost.reduce((a, b) => a + b, 0);
  const budget =
    pattern.kind === "n:m" ? (total * pattern.n) / pattern.m : budgetOf(entries, target.sparsity);
  if (pattern.kind !== "n:m") keepEntries(v, entries, target); // throws now where the layers must keep more

  const search: MaskSearch = {
    softMask(name) {
      const l = weights.findIndex((weight) => weight.name === name);
      if (l < 0) throw new ModelError(`pas has no mask for the weight '${name}'`);
      return toBlocks(entries, l, v).map((value) => (value > 0.5 ? 1 : 0));
    },
    step(gradients) {
      const g = sumOfBlocks(
        entries,
        weights.map(({ name }) => gradients.get(name)!),
      );
      const rms = Math.sqrt(g.reduce((sum, value) => sum + value * value, 0) / g.length) || 1;
      let kept = 0;
      for (let i = 0; i < v.length; i++) if (v[i] > 0.5) kept += entries.cost[i];
      const pull = (2 * penalty * (kept - budget)) / total;
      const meanCost = total / v.length;
      for (let i = 0; i < v.length; i++) {
        velocity[i] = momentum * velocity[i] + g[i] / rms + (pull * entries.cost[i]) / meanCost;
        // Held in [0, 1]: a v far away could not come back in time.
        v[i] = Math.min(1, Math.max(0, v[i] - learningRate * (1 - momentum) * velocity[i]));
      }
    },
    state: () => ({ tau: 0, softFraction: 0 }),
    snapshot: () => ({ v, velocity }),
    restore(arrays) {
      v.set(arrays.v);
      velocity.set(arrays.velocity);
    },
  };

  return {
    search,
    masks() {
      if (pattern.kind !== "n:m")
        return masksOfEntries(weights, entries, keepEntries(v, entries, target));
      return byScore(weights, target, () => weights.map((_, l) => toBlocks(entries, l, v))).masks();
    },
  };
}
