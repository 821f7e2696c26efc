/** Who reads what in a graph: a step is fused with what follows it only where nobody else reads its output. */
import type { Graph, Node } from "../model/graph.ts";

/** Who reads each value: nodes, once for every time they do, and the graph for its outputs. */
export function readersOf(graph: Graph): Map<string, (Node | "graph")[]> {
  const readers = new Map<string, (Node | "graph")[]>();
  const add = (name: string, reader: Node | "graph") => {
    const list = readers.get(name);
    if (list) list.push(reader);
    else readers.set(name, [reader]);
  };
  for (const node of graph.nodes) for (const name of node.inputs) add(name, node);
  for (const { name } of graph.outputs) add(name, "graph");
  return readers;
}
