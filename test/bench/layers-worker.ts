/**
 * The worker in which single layers are timed: the executables of the wasm backend and onnxruntime-web's session run
 * in this one thread, called in the same way, so that both pay for nothing but the copy of their inputs and outputs.
 */
import {
  maxDifference,
  measure,
  type OrtModule,
  openOrt,
  type Timing,
} from "../../pruner/bench/page.ts";
import type { Executable, Tensors } from "../../runtime/backends/backend.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { measurePeakGflops } from "../../runtime/backends/wasm/peak.ts";
import { readModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";

export interface LayerRequest {
  readonly dense: string; // urls
  readonly pruned: string;
  readonly onnx: string; // of the dense layer
  readonly input: string; // the values of x
  readonly threads: number;
  readonly rounds: number;
}

export interface LayerResult {
  readonly timings: Readonly<Record<"filigree" | "filigree-dense" | "onnxruntime-web", Timing>>;
  readonly maxErrors: Readonly<Record<"filigree" | "filigree-dense" | "onnxruntime-web", number>>;
  readonly kernels: Readonly<Record<"filigree" | "filigree-dense", string>>;
  readonly peakGflops: number; // of one thread
  readonly threads: number; // that the backend really has
}

self.onmessage = async ({ data }: MessageEvent<LayerRequest>) => {
  try {
    self.postMessage({ result: await measureLayer(data) });
  } catch (error) {
    self.postMessage({ error: (error as Error).stack ?? String(error) });
  }
};

async function measureLayer(request: LayerRequest): Promise<LayerResult> {
  const { threads, rounds } = request;
  const [dense, pruned] = [await planOf(request.dense), await planOf(request.pruned)];
  const { name, shape } = dense.graph.inputs[0];
  const values = new Float32Array((await read(request.input)).buffer as ArrayBuffer);
  const inputs = { [name]: tensor(shape as number[], values) };

  const ortUrl = "/ort/ort.wasm.bundle.min.mjs";
  const ort: OrtModule = await import(/* @vite-ignore */ ortUrl);
  ort.env.wasm.wasmPaths = "/ort/";
  const baseline = await openOrt(ort, "onnxruntime-web", await read(request.onnx), threads);
  const sparseExecutable = await wasm.prepare(pruned, { threads });
  const denseExecutable = await wasm.prepare(dense, { threads });

  const expected = await runReference(dense, inputs);
  const expectedPruned = await runReference(pruned, inputs);
  const maxErrors = {
    filigree: maxDifference(expectedPruned, await sparseExecutable.run(inputs)),
    "filigree-dense": maxDifference(expected, await denseExecutable.run(inputs)),
    "onnxruntime-web": maxDifference(expected, await baseline.run(inputs)),
  };
  const peakBefore = measurePeakGflops();
  const [first, second, third] = await measure(
    [
      { name: "filigree", run: () => sparseExecutable.run(inputs) },
      { name: "filigree-dense", run: () => denseExecutable.run(inputs) },
      { name: "onnxruntime-web", run: () => baseline.run(inputs) },
    ],
    { rounds },
  );
  const result = {
    timings: { filigree: first, "filigree-dense": second, "onnxruntime-web": third },
    maxErrors,
    kernels: {
      filigree: await kernelsOf(sparseExecutable, inputs),
      "filigree-dense": await kernelsOf(denseExecutable, inputs),
    },
    peakGflops: Math.max(peakBefore, measurePeakGflops()),
    threads: sparseExecutable.threads,
  };
  sparseExecutable.dispose();
  denseExecutable.dispose();
  await baseline.dispose();
  return result;
}

async function kernelsOf(executable: Executable, inputs: Tensors): Promise<string> {
  const rows = await executable.profile(inputs, 20);
  return rows
    .map(({ kernel, ms, gflops }) => `${kernel} ${ms.toFixed(3)} ms ${gflops.toFixed(1)} GFLOP/s`)
    .join("; ");
}

async function runReference(
  planned: Awaited<ReturnType<typeof planOf>>,
  inputs: Tensors,
): Promise<Tensors> {
  return (await reference.prepare(planned)).run(inputs);
}

async function planOf(url: string) {
  return plan((await readModel(await read(url))).graph);
}

async function read(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
