/**
 * Moves an activation before the Reshape, Transpose and the like that lie between it and the Conv, Gemm or MatMul
 * whose result it bends: there it is done while the result is stored.
 */
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type Constants, countReads, freshName } from "./edit.ts";

const activations = new Set(
  "Clip Elu Gelu HardSigmoid HardSwish LeakyRelu Relu Sigmoid Swish Tanh".split(" "),
);
const moving = new Set("Flatten Identity Reshape Squeeze Transpose Unsqueeze".split(" "));
const products = new Set(["Conv", "Gemm", "MatMul"]);

export function hoistActivations(graph: Graph): Graph {
  const reads = countReads(graph);
  const constants: Constants = new Map(graph.constants);
  const makers = new Map(graph.nodes.map((node) => [node.outputs[0], node]));
  const renamed = new Map<Node, Node>(); // nodes with other inputs or outputs
  const before = new Map<Node, Node>(); // activations that now come before a node
  const moved = new Set<Node>();
  for (const node of graph.nodes) {
    if (!activations.has(node.op)) continue;
    const chain = chainTo(node.inputs[0]);
    if (chain.length === 0) continue;
    const [first, last] = [chain[0], chain[chain.length - 1]];
    const [source, ...shape] = first.inputs;
    const bent = freshName(graph, constants, `${node.outputs[0]}.early`);
    before.set(first, { ...node, inputs: [source, ...node.inputs.slice(1)], outputs: [bent] });
    renamed.set(first, { ...first, inputs: [bent, ...shape] });
    renamed.set(last, { ...(renamed.get(last) ?? last), outputs: node.outputs });
    moved.add(node);
  }
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (moved.has(node)) return [];
    const own = renamed.get(node) ?? node;
    const early = before.get(node);
    return early ? [early, own] : [own];
  });
  return { ...graph, nodes };

  /** The nodes that only move what a product makes, up to the value `name`; none where others read it on the way. */
  function chainTo(name: string): Node[] {
    const chain: Node[] = [];
    for (;;) {
      const maker = makers.get(name);
      if (!maker || reads.get(name) !== 1) return [];
      if (products.has(maker.op)) return chain;
      if (!moving.has(maker.op) || renamed.has(maker)) return [];
      chain.unshift(maker);
      name = maker.inputs[0];
    }
  }
}
