/**
 * Gemm and MatMul with a constant B become Gemm with transB = 1 and alpha = beta = 1, so that B is [outputs, inputs]
 * and C, where it is one value for each output, a vector.
 */
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { readAttrs } from "../../runtime/ops/attributes.ts";
import { operators } from "../../runtime/ops/index.ts";
import { type PlanOptions, plan } from "../../runtime/plan.ts";
import { type Constants, countReads, denseConstant, replaceConstant, vector } from "./edit.ts";

export function normalizeGemm(graph: Graph, options: PlanOptions): Graph {
  const { values } = plan(graph, options);
  const reads = countReads(graph);
  const constants: Constants = new Map(graph.constants);
  const replace = (name: string, value: Tensor) => replaceConstant(graph, constants, reads, name, value);

  const nodes = graph.nodes.map((node): Node => {
    if (node.op !== "Gemm" && node.op !== "MatMul") return node;
    const b = denseConstant(graph.constants, node.inputs[1]);
    if (b?.shape.length !== 2 || values.get(node.inputs[0])!.shape.length !== 2) return node;
    const isGemm = node.op === "Gemm";
    const given = isGemm ? readAttrs(node, operators.Gemm.attrs) : undefined;
    const { alpha, beta, transA, transB } = given ?? { alpha: 1, beta: 1, transA: 0, transB: 0 };
    const inputs = [...node.inputs];

    if (!transB || alpha !== 1)
      inputs[1] = replace(node.inputs[1], outputsFirst(b, transB !== 0, alpha));
    const attrs: Record<string, number> = { transB: 1, ...(transA && { transA }) };
    const c = denseConstant(graph.constants, inputs[2]);
    if (c) {
      const outputs = constants.get(inputs[1])!.shape[0];
      const values = c.data.map((value) => value * beta);
      if (c.data.length === outputs && c.shape.at(-1) === outputs) {
        if (beta !== 1 || c.shape.length !== 1) inputs[2] = replace(inputs[2], vector([...values]));
      } else if (c.data.length === 1) {
        inputs[2] = replace(inputs[2], vector(new Array<number>(outputs).fill(values[0])));
      } else if (beta !== 1) {
        inputs[2] = replace(inputs[2], tensor(c.shape, values));
      }
    } else if (inputs[2] && beta !== 1) {
      attrs.beta = beta;
    }
    return { ...node, op: "Gemm", inputs, attrs };
  });
  return { ...graph, nodes, constants };
}

/** B as [outputs, inputs], times alpha. */
function outputsFirst(b: Tensor<"float32">, isTransposed: boolean, alpha: number): Tensor {
  const [K, N] = isTransposed ? [b.shape[1], b.shape[0]] : b.shape;
  const data = new Float32Array(K * N);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) data[n * K + k] = alpha * b.data[isTransposed ? n * K + k : k * N + n];
  }
  return tensor([N, K], data);
}
