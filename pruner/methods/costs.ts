/** What blocks cost: the budget of a network is then that of its elements, its multiplications or its time. */
import { ModelError } from "../../runtime/model/errors.ts";
import type { PrunableWeight } from "./method.ts";

export type Budget = "blocks" | "weights" | "macs" | CostTable;

/** Microseconds on a device, by node: of one whole block, what a block adds to the time of its layer. */
export interface CostTable {
  readonly microseconds: Readonly<Record<string, number>>;
}

/** A weight, the node that reads it, and how many results each of its outputs has: the places of a convolution. */
export interface CostedWeight extends PrunableWeight {
  readonly node: string;
  readonly places: number;
}

/** [blocks.count] by weight; undefined where each block costs the same. A block at an edge costs its part of one. */
export function blockCosts(
  weights: readonly CostedWeight[],
  budget: Budget,
): Map<string, Float64Array> | undefined {
  if (budget === "blocks") return undefined;
  return new Map(
    weights.map(({ name, node, blocks: { sizes }, places }) => {
      if (typeof budget === "string") {
        return [name, Float64Array.from(sizes, (size) => (budget === "macs" ? size * places : size))];
      }
      const whole = budget.microseconds[node];
      if (!(whole >= 0)) {
        throw new ModelError(`the table of costs has no microseconds for the node '${node}'`);
      }
      const largest = sizes.reduce((a, b) => Math.max(a, b), 1);
      return [name, Float64Array.from(sizes, (size) => (whole * size) / largest)];
    }),
  );
}
