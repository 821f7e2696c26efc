/** What every pass needs to change a graph: who reads a value, new names, removing what nobody reads. */
import { type Graph, isSparse, type Node } from "../../runtime/model/graph.ts";
import type { SparseTensor } from "../../runtime/model/sparse/format.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";

export type Constants = Map<string, Tensor | SparseTensor>;

/** How many inputs of nodes, and graph outputs, read each value. */
export function countReads(graph: Graph): Map<string, number> {
  const reads = new Map<string, number>();
  const add = (name: string) => reads.set(name, (reads.get(name) ?? 0) + 1);
  for (const node of graph.nodes) node.inputs.forEach(add);
  for (const { name } of graph.outputs) add(name);
  return reads;
}

/** The dense float32 constant called `name`, if it is one. */
export function denseConstant(
  constants: ReadonlyMap<string, Tensor | SparseTensor>,
  name: string | undefined,
): Tensor<"float32"> | undefined {
  const found = name ? constants.get(name) : undefined;
  return found && !isSparse(found) && found.dtype === "float32"
    ? (found as Tensor<"float32">)
    : undefined;
}

/** A name that no value of the graph has: `base`, or with a number behind it. */
export function freshName(graph: Graph, constants: Constants, base: string): string {
  const taken = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.nodes.flatMap((n) => n.outputs),
  ]);
  let name = base;
  for (let i = 1; taken.has(name) || constants.has(name); i++) name = `${base}_${i}`;
  return name;
}

/** Stores a new value for constant `name`: in its place if it is read once, else under a new name. Returns the name. */
export function replaceConstant(
  graph: Graph,
  constants: Constants,
  reads: Map<string, number>,
  name: string,
  value: Tensor,
): string {
  const own = reads.get(name) === 1 ? name : freshName(graph, constants, `${name}.folded`);
  reads.set(own, 1);
  constants.set(own, value);
  return own;
}

/** A vector of float32 values from exact ones. */
export function vector(values: readonly number[]): Tensor<"float32"> {
  return tensor([values.length], Float32Array.from(values));
}

/** Removes nodes whose results nobody reads, and constants that no node reads. */
export function dropUnused(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.unshift(node);
    for (const name of node.inputs) needed.add(name);
  }
  const constants = new Map([...graph.constants].filter(([name]) => needed.has(name)));
  return { ...graph, nodes, constants };
}
