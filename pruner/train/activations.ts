/** How large the activations are that each weight multiplies: root mean square of every input channel, on data. */
import type { Graph } from "../../runtime/model/graph.ts";
import type { Dataset } from "../data/dataset.ts";
import { first } from "../data/dataset.ts";
import type { NodeWeight } from "../weights.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { channelMoments } from "./normalize.ts";

const measuredImages = 512;

/** The weights with their `activation`. */
export async function withActivations(
  graph: Graph,
  weights: readonly NodeWeight[],
  data: Dataset,
  engine: Engine,
  options?: EngineOptions,
): Promise<NodeWeight[]> {
  const inputOf = new Map(graph.nodes.map(({ name, inputs }) => [name, inputs[0]]));
  const values = [...new Set(weights.map(({ node }) => inputOf.get(node)!))];
  const moments = await channelMoments(graph, values, first(data, measuredImages), engine, options);
  return weights.map((weight) => {
    const { mean, variance } = moments.get(inputOf.get(weight.node)!)!;
    return { ...weight, activation: mean.map((m, c) => Math.sqrt(m * m + variance[c])) };
  });
}
