/** ONNX Runtime as an engine of the benchmark: onnxruntime-web in a page or worker, or any build with its interface. */
import type { DType, Tensor } from "../../runtime/model/tensor.ts";
import type { Engine } from "./engine.ts";

/** The part of onnxruntime-common's interface that is used; every build of ONNX Runtime has it. */
export interface OrtModule {
  readonly env: { wasm: { numThreads?: number; wasmPaths?: unknown }; logLevel?: string };
  readonly InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<OrtSession>;
  };
  readonly Tensor: new (type: DType, data: Tensor["data"], dims: readonly number[]) => OrtTensor;
}
interface OrtSession {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}
interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/**
 * Loads `model` with all of ONNX Runtime's graph optimisations. `threads` holds for the first session of a module:
 * ONNX Runtime starts its threads once.
 */
export async function openOrt(
  ort: OrtModule,
  name: string,
  model: Uint8Array,
  threads: number,
  reference?: string,
): Promise<Engine> {
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
  });
  return {
    name,
    reference,
    capabilities: { threads },
    run: async (inputs) => {
      const feeds = mapValues(inputs, (t) => new ort.Tensor(t.dtype, t.data, t.shape));
      return mapValues(await session.run(feeds), ({ type, dims, data }) => {
        return { dtype: type as DType, shape: dims, data: data as Float32Array };
      });
    },
    dispose: () => session.release(),
  };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
