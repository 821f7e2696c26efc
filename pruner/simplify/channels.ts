/**
 * Removes channels that compute nothing, with everything that depends on them: filters of zeros, whose result is one
 * number and goes into the next layer's bias, and channels that nobody reads. Both leave their rows in one layer,
 * their columns in the next, and their entries in whatever lies between.
 */
import { type Graph, isSparse, type Node } from "../../runtime/model/graph.ts";
import { sizeOf } from "../../runtime/model/tensor.ts";
import { type PlanOptions, plan } from "../../runtime/plan.ts";
import { followChannels } from "./channels/follow.ts";
import { channelRules } from "./channels/index.ts";
import type { Channels, Cut } from "./channels/rule.ts";
import { type Constants, countReads, dropUnused, replaceConstant } from "./edit.ts";

/** What was taken out. */
export interface RemovedChannels {
  readonly layers: readonly { readonly node: string; readonly before: number; readonly after: number }[];
  readonly weights: { readonly before: number; readonly after: number }; // elements, of Conv, Gemm and MatMul
}

export const nothingRemoved: RemovedChannels = { layers: [], weights: { before: 0, after: 0 } };

/** What two removals did, one after the other. */
export function removedTogether(first: RemovedChannels, second: RemovedChannels): RemovedChannels {
  if (second.layers.length === 0) return first;
  const layers = new Map(first.layers.map((layer) => [layer.node, layer]));
  for (const layer of second.layers) {
    layers.set(layer.node, { ...layer, before: layers.get(layer.node)?.before ?? layer.before });
  }
  return {
    layers: [...layers.values()],
    weights: { before: first.weights.before, after: second.weights.after },
  };
}

/** Each pass may leave filters that no longer read anything, or are no longer read. */
export function removeDeadChannels(
  graph: Graph,
  options: PlanOptions = {},
): { graph: Graph; removed: RemovedChannels } {
  const before = layerSizes(graph);
  let smaller = graph;
  for (;;) {
    const next = onePass(smaller, options);
    if (!next) break;
    smaller = next;
  }
  const after = layerSizes(smaller);
  const layers = Array.from(before, ([node, { outputs }]) => {
    return { node, before: outputs, after: after.get(node)?.outputs ?? 0 };
  });
  const elements = (sizes: typeof before) => [...sizes.values()].reduce((sum, s) => sum + s.elements, 0);
  return {
    graph: smaller,
    removed: {
      layers: layers.filter((layer) => layer.after < layer.before),
      weights: { before: elements(before), after: elements(after) },
    },
  };
}

/** The graph without the channels that can be seen to be dead at once; undefined where there are none. */
function onePass(graph: Graph, options: PlanOptions): Graph | undefined {
  const { values } = plan(graph, options);
  const shapeOf = (name: string) => values.get(name)!.shape;
  const { channels, isRemoved } = follow(graph, values);
  const kept = new Map<string, Int32Array>();
  for (const [name, { classes }] of channels) {
    const stay = Int32Array.from(classes.keys()).filter((c) => !isRemoved(classes[c]));
    if (stay.length < classes.length) kept.set(name, stay);
  }
  if (kept.size === 0) return undefined;

  const constants: Constants = new Map(graph.constants);
  const reads = countReads(graph);
  const cut: Cut = {
    kept: (name) => kept.get(name),
    channelsOf: (name) => channels.get(name),
    shapeOf,
    constant(name) {
      const value = name ? graph.constants.get(name) : undefined;
      return value && !isSparse(value) ? value : undefined;
    },
    add: (base, value) => replaceConstant(graph, constants, reads, base, value),
  };
  const nodes = graph.nodes.flatMap((node): Node | Node[] => {
    const isTouched = [...node.inputs, ...node.outputs].some((name) => kept.has(name));
    return (isTouched && channelRules.get(node.op)?.cut?.(node, cut)) || node;
  });
  return dropUnused({ ...graph, nodes, constants });
}

/** The channels of every value where they are known, and which classes go. */
function follow(
  graph: Graph,
  values: ReturnType<typeof plan>["values"],
): { channels: ReadonlyMap<string, Channels>; isRemoved: (id: number) => boolean } {
  const { channels, rootOf, held, count } = followChannels(graph, values);
  const stays = new Uint8Array(count);
  for (const id of held) stays[rootOf(id)] = 1;
  // A value without any channel is none: the first one stays.
  for (const { classes } of channels.values()) {
    if (classes.length > 0 && !classes.some((id) => stays[rootOf(id)])) stays[rootOf(classes[0])] = 1;
  }
  return { channels, isRemoved: (id) => !stays[rootOf(id)] };
}

function layerSizes(graph: Graph): Map<string, { outputs: number; elements: number }> {
  const sizes = new Map<string, { outputs: number; elements: number }>();
  for (const { name, op, inputs, attrs } of graph.nodes) {
    const weight = ["Conv", "Gemm", "MatMul"].includes(op) ? graph.constants.get(inputs[1]) : undefined;
    if (!weight) continue;
    const outputsLast = op === "MatMul" || (op === "Gemm" && !attrs.transB);
    const outputs = weight.shape.at(outputsLast ? -1 : 0) ?? 1;
    sizes.set(name, { outputs, elements: sizeOf(weight.shape) });
  }
  return sizes;
}
