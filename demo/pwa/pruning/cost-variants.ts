/** A network at several densities: timed, they tell what its blocks cost. */
import { type Graph, prune, writeModel } from "../../../pruner/index.ts";

/** Fractions of the blocks of each layer that stay. */
const densities = [0.9, 0.6, 0.35, 0.15];

export interface CostVariant {
  readonly name: string;
  readonly model: Uint8Array; // .filigree
  readonly pattern: string;
  readonly keptBlocks: Readonly<Record<string, number>>; // by node
}

/** Which blocks stay is left to chance: their number is what is timed. */
export function costVariants(
  graph: Graph,
  pattern: string,
  exclude: readonly string[] = [],
): Promise<CostVariant[]> {
  return Promise.all(
    densities.map(async (density) => {
      const { graph: sparse, report } = await prune(graph, {
        method: "random",
        scope: "layer",
        pattern,
        sparsity: 1 - density,
        maxSparsity: 0.9999,
        keepChannels: true,
        exclude,
      });
      return {
        name: `density ${density}`,
        model: await writeModel(sparse),
        pattern: report.pattern,
        keptBlocks: Object.fromEntries(report.layers.map(({ node, keptBlocks }) => [node, keptBlocks])),
      };
    }),
  );
}
