/**
 * The worker in which single layers are timed: the executables of the wasm backend and the baselines run in this one
 * thread, called in the same way, so that all pay for nothing but the copy of their inputs and outputs. The dense
 * layer's results are compared with the plain loops of the reference, a pruned layer's with onnxruntime-web on the
 * same zeros, which is among those that the plain loops have checked.
 */
import * as litert from "@litertjs/core";
import type { Engine } from "../../pruner/bench/engine.ts";
import { type LitertModule, openLitert } from "../../pruner/bench/litert.ts";
import { quantile } from "../../pruner/bench/measure.ts";
import {
  maxDifference,
  measure,
  type OrtModule,
  openOrt,
  type Timing,
} from "../../pruner/bench/page.ts";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { type WasmExecutable, wasm } from "../../runtime/backends/wasm/index.ts";
import { measurePeakGflops } from "../../runtime/backends/wasm/peak.ts";
import { readModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { type ExecutionPlan, plan } from "../../runtime/plan.ts";
import { loadTfjs, openTfjs } from "./tfjs.ts";

export interface LayerRequest {
  readonly dense: string; // urls
  readonly pruned: Readonly<Record<string, PrunedLayer>>; // by pattern
  readonly onnx: string; // of the dense layer
  readonly tflite: string; // of the dense layer
  readonly input: string; // the values of its input
  readonly threads: number;
  readonly rounds: number;
}

export interface PrunedLayer {
  readonly model: string; // urls
  readonly onnx: string; // with its zeros written out
}

export type Baseline = "onnxruntime-web" | "litert" | "tfjs-wasm";

/** By pattern for Filigree, "dense" among them; by name for the baselines. */
export interface LayerResult {
  readonly timings: Readonly<Record<string, Omit<Timing, "samplesMs">>>;
  readonly kernelMs: Readonly<Record<string, number>>; // of a run, without the copies of inputs and outputs
  readonly maxErrors: Readonly<Record<string, number>>;
  readonly kernels: Readonly<Record<string, string>>;
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
  const dense = await planOf(request.dense);
  const plans: Record<string, ExecutionPlan> = { dense };
  for (const [pattern, { model }] of Object.entries(request.pruned))
    plans[pattern] = await planOf(model);
  const { name, shape } = dense.graph.inputs[0];
  const values = new Float32Array((await read(request.input)).buffer as ArrayBuffer);
  const inputs = { [name]: tensor(shape as number[], values) };

  const own = new Map<string, WasmExecutable>();
  for (const [pattern, planned] of Object.entries(plans)) {
    own.set(pattern, await wasm.prepare(planned, { threads }));
    // The next one tries its kernels out: not while these threads still wait for work.
    if (threads > 1) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const baselines = await openBaselines(request, dense);

  const maxErrors: Record<string, number> = {};
  const expected = await (await reference.prepare(dense)).run(inputs);
  for (const engine of baselines) {
    maxErrors[engine.name] = maxDifference(expected, await engine.run(inputs));
  }
  for (const [pattern, executable] of own) {
    const result = await executable.run(inputs);
    const judge =
      request.pruned[pattern] && (await openOnnxruntime(request.pruned[pattern].onnx, threads));
    maxErrors[pattern] = maxDifference(judge ? await judge.run(inputs) : expected, result);
    await judge?.dispose();
  }
  const timings = await measure(
    [
      ...Array.from(own, ([pattern, executable]) => {
        let last: Tensors | undefined; // outputs are given back, as by a loop over frames; the others make new ones
        return { name: pattern, run: async () => (last = await executable.run(inputs, last)) };
      }),
      ...baselines.map((engine) => ({ name: engine.name, run: () => engine.run(inputs) })),
    ],
    // Batches long enough that what the contender before has put into the caches does not matter.
    { rounds, restMs: threads > 1 ? 5 : 0, batchMs: 5 },
  );
  const { kernelMs, peakGflops } = await measureKernels(own, inputs, rounds);
  const kernels: Record<string, string> = {};
  for (const [pattern, executable] of own) {
    kernels[pattern] = await kernelsOf(executable, inputs);
  }
  const result = {
    timings: Object.fromEntries(timings.map(({ samplesMs: _, ...timing }) => [timing.name, timing])),
    kernelMs,
    maxErrors,
    kernels,
    peakGflops,
    threads: own.get("dense")!.threads,
  };
  for (const executable of own.values()) executable.dispose();
  for (const engine of baselines) await engine.dispose();
  return result;
}

/**
 * The kernels alone, as the backend's own clock sees them, by turns with the peak. Of each the lowest decile: a minimum
 * may be of a moment in which the processor's clock ran faster than at any other time.
 */
async function measureKernels(
  own: ReadonlyMap<string, WasmExecutable>,
  inputs: Tensors,
  rounds: number,
): Promise<{ kernelMs: Record<string, number>; peakGflops: number }> {
  const peakSamples: number[] = [];
  const samples = Array.from(own, ([pattern, executable]) => {
    return { pattern, executable, runs: 1, ms: [] as number[] };
  });
  for (let round = 0; round < rounds; round++) {
    peakSamples.push(measurePeakGflops(1));
    for (const sample of samples) {
      const rows = await sample.executable.profile(inputs, sample.runs);
      // What does no arithmetic copies inputs and outputs.
      const ms = rows.reduce((sum, row) => sum + (row.gflops ? row.ms : 0), 0);
      if (round) sample.ms.push(ms);
      sample.runs = Math.max(1, Math.ceil(sampleMs / Math.max(ms, 1e-3)));
    }
  }
  const kernelMs = Object.fromEntries(samples.map(({ pattern, ms }) => [pattern, quantile(ms, 0.1)]));
  return { kernelMs, peakGflops: quantile(peakSamples, 0.9) };
}

/** At least some hundreds of steps of the page's clock. */
const sampleMs = 4;

async function openBaselines(
  { onnx, tflite, threads }: LayerRequest,
  dense: ExecutionPlan,
): Promise<Engine[]> {
  const xnnpack = litert as unknown as LitertModule;
  return [
    await openOnnxruntime(onnx, threads),
    await openLitert(xnnpack, "/litert/", "litert", await read(tflite), threads),
    openTfjs(await loadTfjs("/tfjs-core/", "/tfjs/", threads), "tfjs-wasm", dense.graph),
  ] satisfies (Engine & { name: string })[];
}

async function openOnnxruntime(url: string, threads: number): Promise<Engine> {
  const ortUrl = "/ort/ort.wasm.bundle.min.mjs";
  const ort: OrtModule = await import(/* @vite-ignore */ ortUrl);
  ort.env.wasm.wasmPaths = "/ort/";
  return openOrt(ort, "onnxruntime-web", await read(url), threads);
}

async function kernelsOf(executable: WasmExecutable, inputs: Tensors): Promise<string> {
  const rows = await executable.profile(inputs, 20);
  return rows
    .map(({ kernel, ms, gflops }) => `${kernel} ${ms.toFixed(3)} ms ${gflops.toFixed(1)} GFLOP/s`)
    .join("; ");
}

async function planOf(url: string): Promise<ExecutionPlan> {
  return plan((await readModel(await read(url))).graph);
}

async function read(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
