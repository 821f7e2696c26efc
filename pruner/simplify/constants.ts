/** Computes what depends on constants alone, with the operators' references. */
import { type Graph, isSparse, type Node } from "../../runtime/model/graph.ts";
import { sizeOf, type Tensor } from "../../runtime/model/tensor.ts";
import { operatorOf } from "../../runtime/ops/index.ts";
import { type PlanOptions, plan } from "../../runtime/plan.ts";
import type { Constants } from "./edit.ts";

// 256 MiB: a file should not grow beyond what a device can hold because a small constant was expanded.
const mostElements = 2 ** 26;

/** Nodes that read a sparse constant stay: their result would be dense. */
export function foldConstants(graph: Graph, options: PlanOptions): Graph {
  const { values } = plan(graph, options);
  const constants: Constants = new Map(graph.constants);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const nodes = graph.nodes.filter((node) => {
    const inputs = constantInputs(node, constants);
    if (!inputs || node.outputs.some((name) => outputs.has(name))) return true;
    const shapes = node.outputs.map((name) => values.get(name)!);
    if (shapes.some(({ shape }) => sizeOf(shape) > mostElements)) return true;
    const results = operatorOf(node.op)!.reference(node, inputs, shapes);
    for (const [i, name] of node.outputs.entries()) constants.set(name, results[i]);
    return false;
  });
  return { ...graph, nodes, constants };
}

function constantInputs(node: Node, constants: Constants): (Tensor | undefined)[] | undefined {
  const inputs: (Tensor | undefined)[] = [];
  for (const name of node.inputs) {
    const constant = constants.get(name);
    if (name !== "" && (!constant || isSparse(constant))) return undefined;
    inputs.push(constant as Tensor | undefined);
  }
  return inputs;
}
