/**
 * What the products of a transformer are part of: queries, keys and values, whose results go into a product of two
 * activations; projections, which read the result of one; MLPs, the rest. Convolutions are something else.
 */
import type { Graph, Node } from "../runtime/model/graph.ts";

export type Module = "qkv" | "projection" | "mlp" | "other";

/** Operators that only move, scale or shift values between a product and attention. */
const passing = new Set(
  "Add Cast Div Expand Flatten Gather Identity Mul Reshape Slice Softmax Split Squeeze Transpose Unsqueeze".split(
    " ",
  ),
);

/** By the name of the node. Without attention all are "other". */
export function modulesOf(graph: Graph): Map<string, Module> {
  const makers = new Map<string, Node>();
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of node.outputs) makers.set(name, node);
    for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  const isAttention = ({ op, inputs }: Node) =>
    op === "MatMul" && inputs.every((name) => !graph.constants.has(name));
  const computed = (node: Node) => node.inputs.filter((name) => name && !graph.constants.has(name));
  // An Add or Mul of two computed values is a residual or a gate, not a step on the way.
  const passes = (node: Node) => passing.has(node.op) && computed(node).length === 1;
  const after = (node: Node) => node.outputs.flatMap((name) => readers.get(name) ?? []);
  const before = (node: Node) => computed(node).flatMap((name) => makers.get(name) ?? []);
  const reaches = (node: Node, next: (node: Node) => Node[]): boolean => {
    const seen = new Set<Node>();
    const front = next(node);
    for (let at = front.pop(); at; at = front.pop()) {
      if (isAttention(at)) return true;
      if (seen.has(at) || !passes(at)) continue;
      seen.add(at);
      front.push(...next(at));
    }
    return false;
  };
  const hasAttention = graph.nodes.some(isAttention);
  return new Map(
    graph.nodes.map((node): [string, Module] => {
      const isProduct = node.op === "Gemm" || (node.op === "MatMul" && !isAttention(node));
      if (!hasAttention || !isProduct) return [node.name, "other"];
      return [node.name, reaches(node, after) ? "qkv" : reaches(node, before) ? "projection" : "mlp"];
    }),
  );
}
