/** What is in a model, as a page shows it. */
import { type Graph, isSparse } from "../../../pruner/index.ts";
import { openSizes } from "./forms.ts";

export interface Inspected {
  readonly name: string;
  readonly format: "onnx" | "tflite" | "filigree";
  readonly bytes: number;
  readonly nodes: number;
  readonly operators: readonly (readonly [op: string, count: number])[]; // the most frequent first
  readonly weights: number; // elements of all constants of two or more dimensions
  readonly keptWeights: number; // of those, how many are not zero
  readonly inputs: readonly string[]; // "image float32 [1, 3, 224, 224]"
  readonly outputs: readonly string[];
  readonly openSizes: readonly string[]; // names of sizes that have to be given
}

export function describe(graph: Graph, format: Inspected["format"], bytes: number): Inspected {
  const counts = new Map<string, number>();
  for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  let [weights, keptWeights] = [0, 0];
  for (const constant of graph.constants.values()) {
    if (constant.shape.length < 2) continue;
    weights += constant.shape.reduce((product, size) => product * size, 1);
    const values = isSparse(constant) ? constant.values : constant.data;
    for (const value of values) keptWeights += value === 0 ? 0 : 1;
  }
  const line = ({ name, dtype, shape }: Graph["inputs"][number]) =>
    `${name}: ${dtype} [${shape.join(", ")}]`;
  return {
    name: graph.name,
    format,
    bytes,
    nodes: graph.nodes.length,
    operators: [...counts].sort(([, a], [, b]) => b - a),
    weights,
    keptWeights,
    inputs: graph.inputs.map(line),
    outputs: graph.outputs.map(line),
    openSizes: openSizes(graph),
  };
}
