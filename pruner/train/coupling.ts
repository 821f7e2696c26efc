/**
 * Output channels that vanish together. What a residual connection adds, what a depthwise convolution passes on and
 * what a normalisation scales are the same channels: their filters share one mask entry, and scales, shifts and
 * depthwise filters follow it. Without that a normalisation behind a soft mask would undo it, since it rescales
 * whatever comes, and behind a hard one would turn 0 into its shift.
 */
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type PlanOptions, plan } from "../../runtime/plan.ts";
import { followChannels } from "../simplify/channels/follow.ts";
import { denseConstant } from "../simplify/edit.ts";
import type { NodeWeight } from "../weights.ts";

/** The weights, whose blocks are whole outputs, with their ties and followers. */
export function coupleChannels(
  graph: Graph,
  weights: readonly NodeWeight[],
  options: PlanOptions = {},
): NodeWeight[] {
  const { channels, rootOf } = followChannels(graph, plan(graph, options).values);
  const classesOf = (value: string) => channels.get(value)?.classes.map(rootOf);
  const producers = new Map(weights.map((weight) => [weight.node, weight]));
  const followers = new Map<NodeWeight, Set<string>>(weights.map((weight) => [weight, new Set()]));
  const ties = new Map<NodeWeight, Int32Array>();
  const leaders = new Map<string, NodeWeight>(); // of the weights with these classes, the first
  for (const node of graph.nodes) {
    const weight = producers.get(node.name);
    const classes = weight && classesOf(node.outputs[0]);
    if (!weight || classes?.length !== weight.blocks.count) continue;
    ties.set(weight, classes);
    if (!leaders.has(classes.join())) leaders.set(classes.join(), weight);
  }
  const taken = new Set(weights.map(({ name }) => name));
  const maker = new Map(graph.nodes.map((node) => [node.outputs[0], node]));
  for (const node of graph.nodes) {
    const classes = classesOf(node.outputs[0]);
    const leader = classes && leaders.get(classes.join());
    if (!leader) continue;
    const own = producers.get(node.name) ?? producers.get(maker.get(node.inputs[0])?.name ?? "");
    const followed = own && ties.has(own) ? own : leader;
    for (const name of rowsOf(node)) {
      const rows = denseConstant(graph.constants, name)?.shape[0];
      if (rows !== classes.length || taken.has(name)) continue;
      taken.add(name);
      followers.get(followed)!.add(name);
    }
  }
  return weights.map((weight) => ({
    ...weight,
    ties: ties.get(weight),
    followers: [...followers.get(weight)!],
  }));
}

/** The constants of a node that have a row for each channel of its output. */
function rowsOf({ op, inputs, attrs }: Node): string[] {
  if (op === "BatchNormalization") return [inputs[1], inputs[2]];
  if (op === "Conv" || (op === "Gemm" && attrs.transB)) return inputs.slice(1).filter((name) => name);
  return [];
}
