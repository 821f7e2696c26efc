/** Stores what was pruned: each masked weight sparse, with or without the channels that died of it. */
import { predictCycles } from "../runtime/backends/wasm/predict.ts";
import type { Graph } from "../runtime/model/graph.ts";
import type { Mask } from "../runtime/model/pattern.ts";
import { encodeWeight } from "../runtime/model/sparse/index.ts";
import { sameShape, sizeOf, type Tensor } from "../runtime/model/tensor.ts";
import { plan } from "../runtime/plan.ts";
import { bestWay } from "./pack.ts";
import { count } from "./pattern.ts";
import { nothingRemoved, type RemovedChannels, removeDeadChannels } from "./simplify/channels.ts";
import type { NodeWeight } from "./weights.ts";
import { surveyZeros } from "./zeros.ts";

/**
 * Each masked weight stored sparse, and channels that died of it left out, where that is predicted to run no slower:
 * the blocks of what is left lie elsewhere. `removed` says which; nothing is removed with `keepChannels`.
 */
export function encodePruned(
  graph: Graph,
  weights: readonly NodeWeight[],
  masks: ReadonlyMap<string, Mask>,
  { keepChannels = false } = {},
): { graph: Graph; removed: RemovedChannels } {
  const whole = { graph: encodeWeights(graph, weights, masks), removed: nothingRemoved };
  const { graph: alive, removed } = keepChannels ? whole : removeDeadChannels(graph);
  if (removed.layers.length === 0) return whole;
  const smaller = { graph: encodeWeights(alive, weights, masks), removed };
  return predictGraph(smaller.graph) <= predictGraph(whole.graph) ? smaller : whole;
}

/**
 * Weights are found by node: simplifying may have renamed them. One that lost channels since it was masked is stored as
 * its zeros are now.
 */
function encodeWeights(
  graph: Graph,
  weights: readonly NodeWeight[],
  masks: ReadonlyMap<string, Mask>,
): Graph {
  const constants = new Map(graph.constants);
  const { values } = plan(graph);
  for (const { node: nodeName, name } of weights) {
    const mask = masks.get(name)!;
    if (count(mask.keep) === mask.keep.length) continue;
    const node = graph.nodes.find((candidate) => candidate.name === nodeName);
    if (!node) continue; // nobody reads it any more
    const [, weight] = node.inputs;
    const value = constants.get(weight) as Tensor<"float32">;
    const { shape } = values.get(node.outputs[0])!;
    const stored = sameShape(value.shape, mask.shape)
      ? encodeWeight(value, mask)
      : bestWay(value, surveyZeros(value), sizeOf(shape) / shape[1]).tensor;
    constants.set(weight, stored);
  }
  return { ...graph, constants };
}

/** Cycles of all plain convolutions and products. */
function predictGraph(graph: Graph): number {
  const { values } = plan(graph);
  let cycles = 0;
  for (const { op, inputs, outputs, attrs } of graph.nodes) {
    const weight = op === "Conv" || op === "Gemm" ? graph.constants.get(inputs[1]) : undefined;
    if (!weight || (attrs.group ?? 1) !== 1 || (op === "Gemm" && !attrs.transB)) continue;
    const { shape } = values.get(outputs[0])!;
    cycles += predictCycles(weight, sizeOf(shape) / shape[1]);
  }
  return cycles;
}
