/** Prunes a network of the zoo by magnitude, without training: for its speed, not for what it predicts. */
import {
  type Graph,
  isSparse,
  type PruneOptions,
  type PruneReport,
  prune,
  type Tensor,
  tensor,
} from "../../pruner/index.ts";

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
  options: Pick<PruneOptions, "pattern" | "sparsity" | "maxSparsity" | "include" | "exclude"> = {},
): Promise<PrunedNetwork> {
  const deviations = new Map<string, number>(); // of weights, by name
  for (const { op, inputs } of graph.nodes) {
    const weight = graph.constants.get(inputs[1]);
    if ((op === "Conv" || op === "Gemm") && weight) deviations.set(inputs[1], heDeviation(weight.shape));
  }
  const relative = scaleWeights(graph, (name) => 1 / (deviations.get(name) ?? 1));
  const pruned = await prune(relative, { ...options, method: "magnitude" });
  return {
    graph: scaleWeights(pruned.graph, (name) => deviations.get(name) ?? 1),
    report: pruned.report,
  };
}

/** Of a weight [outputs, inputs, ...taps]. */
function heDeviation([, ...fanIn]: readonly number[]): number {
  return Math.sqrt(2 / fanIn.reduce((a, b) => a * b));
}

function scaleWeights(graph: Graph, scaleOf: (name: string) => number): Graph {
  const constants = new Map(graph.constants);
  for (const [name, constant] of constants) {
    const scale = scaleOf(name);
    if (scale === 1) continue;
    if (isSparse(constant)) {
      constants.set(name, { ...constant, values: constant.values.map((value) => value * scale) });
    } else {
      const { shape, data } = constant as Tensor<"float32">;
      constants.set(
        name,
        tensor(
          shape,
          data.map((value) => value * scale),
        ),
      );
    }
  }
  return { ...graph, constants };
}
