/** Random weights for a graph that comes without: as large as keep the values of its layers near 1. */
import { type Graph, isSparse } from "../../runtime/model/graph.ts";
import type { SparseTensor } from "../../runtime/model/sparse/format.ts";
import { type Shape, sizeOf, type Tensor, zeros } from "../../runtime/model/tensor.ts";
import { randomTensor } from "../random.ts";

/** Weights of layers with the mean square 2 / fan-in (He et al., 2015), normalisations that change a little. */
export function randomizeWeights(imported: Graph): Graph {
  const graph = withConstants(imported);
  const constants = new Map<string, Tensor | SparseTensor>(graph.constants);
  let seed = 1;
  const uniform = (name: string, low: number, high: number) => {
    const shape = graph.constants.get(name)?.shape;
    if (shape) constants.set(name, randomTensor(shape, seed++, low, high));
  };
  for (const { op, inputs, attrs } of graph.nodes) {
    const shape = graph.constants.get(inputs[1])?.shape;
    if ((op === "Conv" || op === "Gemm") && shape) {
      const most = Math.sqrt(6 / fanIn(op, shape, attrs.transB === 1)); // uniform: a third of most² on average
      uniform(inputs[1], -most, most);
    }
    if (op === "BatchNormalization") {
      const [, scale, bias, mean, variance] = inputs;
      uniform(scale, 0.7, 1.3);
      uniform(bias, -0.3, 0.3);
      uniform(mean, -0.3, 0.3);
      uniform(variance, 0.7, 1.3);
    }
  }
  return withLogits({ ...graph, constants });
}

/** What a last Softmax reads is an output too: of large values it makes ones and zeros, which hide everything. */
function withLogits(graph: Graph): Graph {
  const logits = graph.nodes
    .filter(
      ({ op, outputs }) => op === "Softmax" && graph.outputs.some(({ name }) => name === outputs[0]),
    )
    .map(({ inputs: [name] }) => ({ name, dtype: "float32" as const, shape: [] }));
  return { ...graph, outputs: [...graph.outputs, ...logits] };
}

/** Weights that the file makes with ConstantOfShape are constants afterwards. */
function withConstants(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.filter(({ op, inputs, outputs }) => {
    const shape = op === "ConstantOfShape" ? constants.get(inputs[0]) : undefined;
    if (!shape || isSparse(shape)) return true;
    constants.set(outputs[0], zeros(Array.from(shape.data as Int32Array)));
    return false;
  });
  return { ...graph, nodes, constants };
}

function fanIn(op: string, shape: Shape, isTransposed: boolean): number {
  return op === "Gemm" && !isTransposed ? shape[0] : sizeOf(shape.slice(1));
}
