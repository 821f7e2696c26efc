/** Which nodes TFLite computes as part of the node before them: its fused activations, and the bias of a MatMul. */
import { type Graph, isSparse, type Node } from "../../../runtime/model/graph.ts";
import { activations } from "../../import/tflite/schema.ts";

export interface Fusion {
  readonly output: string; // the value that the node makes once all is fused
  readonly activation: number; // of schema.ts's activations
  readonly bias?: string; // a constant vector, added
}

const activated = new Set([
  "Conv",
  "Gemm",
  "MatMul",
  "Add",
  "Sub",
  "Mul",
  "Div",
  "MaxPool",
  "AveragePool",
]);

export interface Fusions {
  readonly fusions: ReadonlyMap<string, Fusion>; // by node that others are fused into
  readonly taken: ReadonlySet<string>; // the names of those others
  readonly nonNegative: ReadonlySet<string>; // values that come out of an activation
}

export function fuse(graph: Graph): Fusions {
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const value of node.inputs) readers.set(value, [...(readers.get(value) ?? []), node]);
  }
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const fusions = new Map<string, Fusion>();
  const taken = new Set<string>();
  const nonNegative = new Set<string>();
  for (const node of graph.nodes) {
    if (activationOf(node, graph) !== undefined) nonNegative.add(node.outputs[0]);
    if (!activated.has(node.op) || taken.has(node.name)) continue;
    const onlyReader = (value: string) => {
      const [reader, ...others] = readers.get(value) ?? [];
      return others.length || outputs.has(value) ? undefined : reader;
    };
    let [output] = node.outputs;
    let reader = onlyReader(output);
    let bias: string | undefined;
    if (node.op === "MatMul" && reader?.op === "Add" && graph.constants.has(node.inputs[1])) {
      const other = reader.inputs.find((value) => value !== output);
      if (other && graph.constants.get(other)?.shape.length === 1) {
        bias = other;
        taken.add(reader.name);
        [output] = reader.outputs;
        reader = onlyReader(output);
      }
    }
    let activation: number = activations.none;
    const found = reader && activationOf(reader, graph);
    if (reader && found !== undefined) {
      activation = found;
      taken.add(reader.name);
      [output] = reader.outputs;
    }
    fusions.set(node.name, { output, activation, bias });
  }
  return { fusions, taken, nonNegative };
}

/** Relu, or a Clip to 0..6 or 0..infinity. */
export function activationOf({ op, inputs }: Node, graph: Graph): number | undefined {
  if (op === "Relu") return activations.relu;
  if (op !== "Clip") return undefined;
  const limit = (name: string | undefined, absent: number) => {
    const constant = name ? graph.constants.get(name) : undefined;
    return constant && !isSparse(constant) ? constant.data[0] : absent;
  };
  if (limit(inputs[1], -Infinity) !== 0) return undefined;
  const high = limit(inputs[2], Infinity);
  return high === 6 ? activations.relu6 : high === Infinity ? activations.relu : undefined;
}
