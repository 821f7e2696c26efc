/** The engine of the command line: onnxruntime-node, an optional package that is loaded when training starts. */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { exportOnnx } from "../export/onnx.ts";
import type { Engine, Program } from "./engine.ts";
import { reorder } from "./gradients/blocked-conv.ts";

export const ortNode: Engine = {
  name: "onnxruntime-node",

  async compile(onnx, { threads = 0 } = {}) {
    const ort = await load();
    // 0 lets ONNX Runtime take one thread a core.
    const session = await ort.InferenceSession.create(onnx, {
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
    });
    return {
      async run(feeds) {
        const inputs = Object.fromEntries(
          Object.entries(feeds).map(([name, { data, shape }]) => [
            name,
            new ort.Tensor("float32", data, [...shape]),
          ]),
        );
        const results: Record<string, Tensor<"float32">> = {};
        for (const [name, { dims, data }] of Object.entries(await session.run(inputs))) {
          results[name] = tensor(dims, data as Float32Array);
        }
        return results;
      },
      dispose: () => session.release(),
    };
  },

  channelBlock: () => (block ??= findBlock()),
};

let block: Promise<number> | undefined;

/** Two pixels of 64 channels, put into blocks: the second pixel of the first channel lies one block away. */
async function findBlock(): Promise<number> {
  const shape = [1, 64, 1, 2];
  const info = { dtype: "float32" as const, shape };
  const probe: Graph = {
    name: "block",
    nodes: [{ name: "reorder", op: reorder, inputs: ["x"], outputs: ["y"], attrs: {} }],
    inputs: [{ ...info, name: "x" }],
    outputs: [{ ...info, name: "y" }],
    constants: new Map(),
  };
  let program: Program;
  try {
    program = await ortNode.compile(exportOnnx(probe), { threads: 1 });
  } catch {
    return 0; // built without them
  }
  try {
    const x = tensor(
      shape,
      Float32Array.from({ length: 128 }, (_, i) => i),
    );
    const found = (await program.run({ x })).y.data.indexOf(1);
    return found > 1 ? found : 0;
  } finally {
    await program.dispose();
  }
}

async function load(): Promise<typeof import("onnxruntime-node")> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    const error = new ModelError(
      "training runs on onnxruntime-node, which is not here: npm i -D onnxruntime-node",
    );
    error.cause = cause;
    throw error;
  }
}
