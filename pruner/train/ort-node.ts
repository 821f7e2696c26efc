/** The engine of the command line: onnxruntime-node, an optional package that is loaded when training starts. */
import { ModelError } from "../../runtime/model/errors.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import type { Engine } from "./engine.ts";

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
};

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
