/** BatchNormalization becomes a Mul and an Add for each channel: scale / sqrt(variance + epsilon), and what is left. */
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { readAttrs } from "../../runtime/ops/attributes.ts";
import { operators } from "../../runtime/ops/index.ts";
import { type PlanOptions, plan } from "../../runtime/plan.ts";
import { type Constants, denseConstant, freshName } from "./edit.ts";

/** One whose statistics are not constants stays. */
export function splitBatchNormalization(graph: Graph, options: PlanOptions): Graph {
  if (!graph.nodes.some(({ op }) => op === "BatchNormalization")) return graph;
  const { values } = plan(graph, options);
  const constants: Constants = new Map(graph.constants);
  const names = new Set(graph.nodes.map(({ name }) => name));
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const statistics = node.inputs.slice(1).map((name) => denseConstant(graph.constants, name)?.data);
    const [scale, shift, mean, variance] = statistics;
    if (node.op !== "BatchNormalization" || !scale || !shift || !mean || !variance) return [node];
    const { epsilon } = readAttrs(node, operators.BatchNormalization.attrs);
    const factors = Array.from(scale, (value, c) => value / Math.sqrt(variance[c] + epsilon));
    const rests = factors.map((factor, c) => shift[c] - mean[c] * factor);
    const spatial = values.get(node.inputs[0])!.shape.slice(2);
    const add = (base: string, data: readonly number[]) => {
      const name = freshName(graph, constants, base);
      const value: Tensor = tensor([data.length, ...spatial.map(() => 1)], Float32Array.from(data));
      constants.set(name, value);
      return name;
    };
    const scaled = freshName(graph, constants, `${node.name}.scaled`);
    let addName = `${node.name}.shift`;
    while (names.has(addName)) addName += "_";
    names.add(addName);
    return [
      {
        name: node.name,
        op: "Mul",
        inputs: [node.inputs[0], add(`${node.name}.scale`, factors)],
        outputs: [scaled],
        attrs: {},
      },
      {
        name: addName,
        op: "Add",
        inputs: [scaled, add(`${node.name}.shift`, rests)],
        outputs: [node.outputs[0]],
        attrs: {},
      },
    ];
  });
  return { ...graph, nodes, constants };
}
