/** LiteRT.js (XNNPACK in WebAssembly) as an engine of the benchmark, in a page or a worker. */
import type { Shape, Tensor } from "../../runtime/model/tensor.ts";
import type { Engine } from "./engine.ts";
import { fromImageOrder, toImageOrder } from "./image-order.ts";

/** The part of @litertjs/core that is used. */
export interface LitertModule {
  loadLiteRt(folder: string, options: { threads: boolean }): Promise<unknown>;
  getGlobalLiteRtPromise(): Promise<unknown> | undefined;
  loadAndCompile(
    model: Uint8Array,
    options: { accelerator: "wasm"; cpuOptions: { numThreads: number } },
  ): Promise<LitertModel>;
  readonly Tensor: new (data: never, shape: number[]) => LitertTensor;
}
interface LitertModel {
  run(inputs: LitertTensor[]): Promise<LitertTensor[]>;
  getOutputDetails(): readonly { readonly name: string; readonly shape: ArrayLike<number> }[];
  delete(): void;
}
interface LitertTensor {
  toTypedArray(): unknown;
  delete(): void;
}

/**
 * Loads a .tflite model. `folder` is where the package's wasm/ is served. Inputs and outputs are NCHW as in every
 * Engine, in the order of the file. `threads` holds for the first model of a page: LiteRT.js is loaded once.
 */
export async function openLitert(
  litert: LitertModule,
  folder: string,
  name: string,
  model: Uint8Array,
  threads: number,
  reference?: string,
): Promise<Engine> {
  await (litert.getGlobalLiteRtPromise() ?? load(litert, folder, threads > 1));
  const compiled = await litert.loadAndCompile(model, {
    accelerator: "wasm",
    cpuOptions: { numThreads: threads },
  });
  const details = compiled.getOutputDetails();
  return {
    name,
    reference,
    capabilities: { threads },
    run: async (inputs) => {
      const given = Object.values(inputs).map((value) => {
        const { data, shape } = toImageOrder(value);
        return new litert.Tensor(data as never, [...shape]);
      });
      const made = await compiled.run(given);
      const outputs: Record<string, Tensor> = {};
      for (const [i, value] of made.entries()) {
        const shape = Array.from(details[i].shape);
        outputs[details[i].name] = fromImageOrder(tensorOf(shape, value.toTypedArray()));
        value.delete();
      }
      for (const value of given) value.delete();
      return outputs;
    },
    dispose: () => compiled.delete(),
  };
}

function tensorOf(shape: Shape, data: unknown): Tensor {
  const dtype = data instanceof Int32Array ? "int32" : data instanceof Uint8Array ? "uint8" : "float32";
  return { dtype, shape, data } as Tensor;
}

/** What LiteRT.js's script finds where it is loaded. */
interface LitertScope {
  readonly document?: unknown;
  importScripts?: (url: string) => void;
  Module?: {
    locateFile?(file: string): string;
    mainScriptUrlOrBlob?: string;
    printErr(line: string): void;
  };
}

async function load(litert: LitertModule, folder: string, threads: boolean): Promise<void> {
  const scope = globalThis as unknown as LitertScope;
  scope.Module = { printErr };
  if (!scope.document) {
    // A module worker has no importScripts that works.
    scope.importScripts = (url) => {
      const request = new XMLHttpRequest();
      request.open("GET", url, false);
      request.send();
      // biome-ignore lint/security/noGlobalEval: it is a script, and has to run in the global scope as one.
      // biome-ignore lint/complexity/noCommaOperator: called by another name, eval works in the global scope.
      (0, eval)(request.responseText);
      scope.Module = { printErr, mainScriptUrlOrBlob: url, locateFile: (file) => folder + file };
    };
  }
  await litert.loadLiteRt(folder, { threads });
}

/** Without the reports of each of its steps. */
function printErr(line: string): void {
  if (!/^(INFO|WARNING): /.test(line)) console.error(line);
}
