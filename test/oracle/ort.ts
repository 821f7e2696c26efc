/** ONNX Runtime as the oracle: runs the ONNX file of a graph. */
import * as ort from "onnxruntime-node";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import type { Tensors } from "../../runtime/backends/backend.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import type { DType, Tensor } from "../../runtime/model/tensor.ts";

export async function runOrt(graph: Graph, inputs: Tensors, opset?: number): Promise<Tensors> {
  return runOnnx(exportOnnx(graph, { opset }), inputs);
}

export async function runOnnx(onnx: Uint8Array, inputs: Tensors): Promise<Tensors> {
  const session = await ort.InferenceSession.create(onnx, { logSeverityLevel: 3 });
  const feeds = Object.entries(inputs).map(([name, { dtype, shape, data }]) => [
    name,
    new ort.Tensor(dtype as "float32", data as Float32Array, shape),
  ]);
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { type, dims, data }]): [string, Tensor] => {
      const isLong = type === "int64"; // int32 in a Graph
      const values = isLong ? Int32Array.from(data as BigInt64Array, Number) : (data as Float32Array);
      return [name, { dtype: (isLong ? "int32" : type) as DType, shape: dims, data: values } as Tensor];
    }),
  );
}
