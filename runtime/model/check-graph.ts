/** Whether the names of a graph hang together: each value is made once, and before it is read. */
import { ModelError, nodeName } from "./errors.ts";
import type { Graph } from "./graph.ts";

/** Throws a ModelError that names the node or value. Operators, attributes and shapes are the plan's to check. */
export function checkGraph(graph: Graph): void {
  const made = new Map<string, string>(); // value -> what makes it
  const make = (value: string, by: string) => {
    const other = made.get(value);
    if (other) throw new ModelError(`${by}: the value '${value}' is already made by ${other}`);
    made.set(value, by);
  };
  for (const name of graph.constants.keys()) make(name, `constant '${name}'`);
  for (const { name } of graph.inputs) make(name, `input '${name}'`);
  const nodeNames = new Set<string>();
  for (const node of graph.nodes) {
    const by = nodeName(node);
    if (nodeNames.has(node.name)) throw new ModelError(`${by}: another node has the same name`);
    nodeNames.add(node.name);
    for (const value of node.inputs) {
      if (value !== "" && !made.has(value)) {
        throw new ModelError(`${by}: reads '${value}', which no input, constant or earlier node makes`);
      }
    }
    for (const value of node.outputs) if (value !== "") make(value, by);
  }
  const outputs = new Set<string>();
  for (const { name } of graph.outputs) {
    if (!made.has(name)) throw new ModelError(`output '${name}': no input, constant or node makes it`);
    if (outputs.has(name)) throw new ModelError(`output '${name}' is listed twice`);
    outputs.add(name);
  }
}
