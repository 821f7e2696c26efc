/** Prunes a network of the zoo by magnitude, without training: for its speed, not for what it predicts. */
import { type Graph, type PruneOptions, type PruneReport, prune } from "../../pruner/index.ts";

export interface PrunedNetwork {
  readonly graph: Graph; // simplified, with sparse constants
  readonly report: PruneReport;
}

/**
 * Magnitudes are compared across layers by what they are of He's deviation sqrt(2 / fan-in): a weight of a layer with
 * many inputs is small because there are many of them. A trained network without that has lost most of its late
 * layers before the first ones are touched.
 */
export async function pruneNetwork(
  graph: Graph,
  options: Pick<
    PruneOptions,
    "pattern" | "sparsity" | "maxSparsity" | "scope" | "include" | "exclude"
  > = {},
): Promise<PrunedNetwork> {
  return prune(graph, { ...options, method: "magnitude", scale: "fan-in" });
}
