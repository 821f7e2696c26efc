/** Removes nodes that change nothing: Identity (Dropout is imported as one), Pad by 0, Concat of one. */
import { type Graph, isSparse, type Node } from "../../runtime/model/graph.ts";

export function removeIdentities(graph: Graph): Graph {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const makers = new Set<string>(); // values that a node makes and the graph does not put out
  const renamed = new Map<string, string>();
  const current = (name: string) => renamed.get(name) ?? name;
  const kept: Node[] = [];
  for (const node of graph.nodes) {
    const input = current(node.inputs[0] ?? "");
    const [output] = node.outputs;
    if (!changesNothing(node, graph)) {
      kept.push(node);
      for (const name of node.outputs) if (!outputs.has(name)) makers.add(name);
    } else if (!outputs.has(output)) {
      renamed.set(output, input);
    } else if (makers.has(input)) {
      // The graph's output keeps its name: what made the input makes it now.
      for (const [from, to] of renamed) if (to === input) renamed.set(from, output);
      renamed.set(input, output);
      makers.delete(input);
    } else {
      kept.push(node); // a graph input, a constant or another output, put out again
    }
  }
  const nodes = kept.map((node) => ({
    ...node,
    inputs: node.inputs.map(current),
    outputs: node.outputs.map(current),
  }));
  return { ...graph, nodes };
}

function changesNothing(node: Node, graph: Graph): boolean {
  if (node.op === "Identity") return true;
  if (node.op === "Concat") return node.inputs.length === 1;
  if (node.op !== "Pad") return false;
  const pads = graph.constants.get(node.inputs[1]);
  return pads !== undefined && !isSparse(pads) && pads.data.every((pad) => pad === 0);
}
