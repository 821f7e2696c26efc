/** The engines that run whole networks, opened in a page or in a worker. */

import type { Engine } from "../../pruner/bench/engine.ts";
import { type OrtModule, openOrt } from "../../pruner/bench/ort.ts";
import type { ProfileRow, Tensors } from "../../runtime/backends/backend.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { readModel } from "../../runtime/model/file.ts";
import { plan } from "../../runtime/plan.ts";

export interface NetworkEngine extends Engine {
  steps?(inputs: Tensors): Promise<readonly ProfileRow[]>; // timed, each
}

/** Which file of the network an engine reads, and whose result it has to give: of the dense or the pruned weights. */
export const engineFiles = {
  filigree: { file: "pruned.filigree", weights: "pruned" },
  "filigree-dense": { file: "dense.filigree", weights: "dense" },
  "onnxruntime-web": { file: "dense.onnx", weights: "dense" },
  litert: { file: "dense.tflite", weights: "dense" },
  "litert-sparse": { file: "sparse.tflite", weights: "pruned" },
} as const;

export type EngineName = keyof typeof engineFiles;

export const engineNames = Object.keys(engineFiles) as EngineName[];

/** Where the site of the benchmark serves the engines' own files. */
export const ortFolder = "/ort/";
export const litertFolder = "/litert/";

export async function openEngine(
  name: EngineName,
  model: Uint8Array,
  threads: number,
): Promise<NetworkEngine> {
  if (name === "filigree" || name === "filigree-dense") return openFiligree(name, model, threads);
  if (name === "onnxruntime-web") return openOnnxRuntime(name, model, threads);
  const [litert, { openLitert }] = [
    await import("@litertjs/core"),
    await import("../../pruner/bench/litert.ts"),
  ];
  return openLitert(litert as never, litertFolder, name, model, threads);
}

/**
 * In the calling thread, so that it pays for its inputs what the others pay. Outputs go into the arrays of the run
 * before, as a loop over frames would have it; the others' interfaces make new ones for every run.
 */
async function openFiligree(name: string, model: Uint8Array, threads: number): Promise<NetworkEngine> {
  const executable = await wasm.prepare(plan((await readModel(model)).graph), { threads });
  let last: Tensors | undefined;
  return {
    name,
    capabilities: { threads: executable.threads },
    run: async (inputs) => (last = await executable.run(inputs, last)),
    steps: (inputs) => executable.profile(inputs, 5),
    dispose: () => executable.dispose(),
  };
}

export async function openOnnxRuntime(
  name: string,
  model: Uint8Array,
  threads: number,
): Promise<NetworkEngine> {
  const ort: OrtModule = await import(/* @vite-ignore */ `${ortFolder}ort.wasm.bundle.min.mjs`);
  ort.env.wasm.wasmPaths = ortFolder;
  return openOrt(ort, name, model, threads);
}

export async function read(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
