/** What runs a model: ONNX Runtime, which says what is right, and Filigree's backends. */
import * as ort from "onnxruntime-node";
import type { Backend, Tensors } from "../../runtime/backends/backend.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { webgpu } from "../../runtime/backends/webgpu/index.ts";
import { nodeName } from "../../runtime/model/errors.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import type { DType, Shape, Tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";

export interface ParityEngine {
  readonly threads: number;
  readonly note?: string; // which nodes have no kernel
  run(inputs: Tensors): Promise<Tensors>;
  dispose(): void | Promise<void>;
}

export const backends: Readonly<Record<"reference" | "wasm" | "webgpu", Backend>> = {
  reference,
  wasm,
  webgpu,
};

/** Throws where the backend declines a node: nothing stands in for it. */
export async function openBackend(
  name: keyof typeof backends,
  graph: Graph,
  shapes: Readonly<Record<string, Shape>>,
  threads: number,
): Promise<ParityEngine> {
  if (name === "webgpu") {
    const { whyNoGpu } = await import("../webgpu/gpu.ts"); // it puts navigator.gpu there
    if (whyNoGpu) throw new Error(whyNoGpu);
  }
  const planned = plan(graph, { shapes });
  for (const node of planned.graph.nodes) {
    const why = backends[name].unsupported(node, planned);
    if (why) throw new Error(`${name} declined ${nodeName(node)}: ${why}`);
  }
  const executable = await backends[name].prepare(planned, { threads });
  const { threads: got = 1 } = executable as { threads?: number };
  if (got !== threads) throw new Error(`${name} has ${got} threads; ${threads} were asked for`);
  return {
    threads,
    note: hostedNote(planned.graph.nodes.filter((node) => backends[name].hosted?.(node, planned))),
    run: (inputs) => executable.run(inputs),
    dispose: () => executable.dispose(),
  };
}

/** "plain loops: Split x3, TopK x1" */
function hostedNote(nodes: readonly Node[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  const each = Array.from(counts, ([op, count]) => `${op} x${count}`);
  return each.length ? `plain loops: ${each.join(", ")}` : undefined;
}

/** ONNX Runtime on as many threads as there are cores. */
export async function openOnnxRuntime(onnx: Uint8Array): Promise<ParityEngine> {
  const session = await ort.InferenceSession.create(onnx, { logSeverityLevel: 3 });
  return {
    threads: 0,
    async run(inputs) {
      const feeds = Object.values(inputs).map((input, i) => [session.inputNames[i], toOrt(input)]);
      const results = await session.run(Object.fromEntries(feeds));
      return Object.fromEntries(session.outputNames.map((name) => [name, fromOrt(results[name])]));
    },
    dispose: () => session.release(),
  };
}

const toOrt = ({ dtype, data, shape }: Tensor) => {
  return new ort.Tensor(dtype as "float32", data as Float32Array, [...shape]);
};

function fromOrt({ type, dims, data }: ort.Tensor): Tensor {
  return { dtype: type as DType, shape: dims, data: data as Float32Array } as Tensor;
}
