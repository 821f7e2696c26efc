/** Follows channels through a graph, by the rule of each operator: which are the same, and which are read as they are. */
import type { Graph } from "../../../runtime/model/graph.ts";
import { inferInputs, type plan } from "../../../runtime/plan.ts";
import { denseConstant } from "../edit.ts";
import { channelRules } from "./index.ts";
import type { Channels, Flow } from "./rule.ts";

export interface Followed {
  readonly channels: ReadonlyMap<string, Channels>; // by value, where they are known
  /** Channels with the same root can only vanish together. */
  rootOf(id: number): number;
  readonly held: readonly number[]; // ids that somebody reads who needs all of them
  readonly count: number; // of ids
}

export function followChannels(graph: Graph, values: ReturnType<typeof plan>["values"]): Followed {
  const parents: number[] = [];
  const rootOf = (id: number): number => {
    let root = id;
    while (parents[root] !== root) root = parents[root];
    for (let at = id; at !== root; ) [parents[at], at] = [root, parents[at]];
    return root;
  };
  const held: number[] = [];
  const channels = new Map<string, Channels>();
  const flow: Flow = {
    graph,
    shapeOf: (name) => values.get(name)!.shape,
    channelsOf: (name) => channels.get(name),
    dense: (name) => denseConstant(graph.constants, name),
    inputsOf: (node) => inferInputs(node, graph, values),
    fresh(count) {
      const first = parents.length;
      for (let id = first; id < first + count; id++) parents.push(id);
      return Int32Array.from({ length: count }, (_, i) => first + i);
    },
    join(a, b) {
      for (let i = 0; i < a.length; i++) parents[rootOf(b[i])] = rootOf(a[i]);
    },
    hold(classes, isHeld) {
      for (let i = 0; i < classes.length; i++) if (!isHeld || isHeld[i]) held.push(classes[i]);
    },
  };
  for (const node of graph.nodes) {
    const found = channelRules.get(node.op)?.follow(node, flow);
    if (found) channels.set(node.outputs[0], found);
    else for (const name of node.inputs) flow.hold(channels.get(name)?.classes ?? new Int32Array(0));
  }
  for (const { name } of graph.outputs) flow.hold(channels.get(name)?.classes ?? new Int32Array(0));
  return { channels, rootOf, held, count: parents.length };
}
