/**
 * The worker in which single layers are timed: the executables of the wasm backend and the baselines run in this one
 * thread, called in the same way, so that all pay for nothing but the copy of their inputs and outputs.
 */
import * as litert from "@litertjs/core";
import type { Engine } from "../../pruner/bench/engine.ts";
import { type LitertModule, openLitert } from "../../pruner/bench/litert.ts";
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
import { makePeak } from "../../runtime/backends/wasm/peak.ts";
import { readModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { type ExecutionPlan, plan } from "../../runtime/plan.ts";
import { loadTfjs, openTfjs } from "./tfjs.ts";

export interface LayerRequest {
  readonly dense: string; // urls
  readonly pruned: Readonly<Record<string, string>>; // by pattern
  readonly onnx: string; // of the dense layer
  readonly tflite: string; // of the dense layer
  readonly input: string; // the values of its input
  readonly threads: number;
  readonly rounds: number;
}

export type Baseline = "onnxruntime-web" | "litert" | "tfjs-wasm";

/** By pattern for Filigree, "dense" among them; by name for the baselines. */
export interface LayerResult {
  readonly timings: Readonly<Record<string, Omit<Timing, "samplesMs">>>;
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
  for (const [pattern, url] of Object.entries(request.pruned)) plans[pattern] = await planOf(url);
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
  for (const [pattern, executable] of own) {
    const expected = await (await reference.prepare(plans[pattern])).run(inputs);
    maxErrors[pattern] = maxDifference(expected, await executable.run(inputs));
    if (pattern !== "dense") continue;
    for (const engine of baselines) {
      maxErrors[engine.name] = maxDifference(expected, await engine.run(inputs));
    }
  }
  const peak = makePeak();
  const [peakTiming, ...timings] = await measure(
    [
      { name: "peak", run: peak.run },
      ...Array.from(own, ([pattern, executable]) => {
        return { name: pattern, run: () => executable.run(inputs) };
      }),
      ...baselines.map((engine) => ({ name: engine.name, run: () => engine.run(inputs) })),
    ],
    threads > 1 ? { rounds, restMs: 5, batchMs: 5 } : { rounds },
  );
  const peakGflops = peak.flops / peakTiming.minMs / 1e6;
  const kernels: Record<string, string> = {};
  for (const [pattern, executable] of own) {
    kernels[pattern] = await kernelsOf(executable, inputs);
  }
  const result = {
    timings: Object.fromEntries(timings.map(({ samplesMs: _, ...timing }) => [timing.name, timing])),
    maxErrors,
    kernels,
    peakGflops,
    threads: own.get("dense")!.threads,
  };
  for (const executable of own.values()) executable.dispose();
  for (const engine of baselines) await engine.dispose();
  return result;
}

async function openBaselines(
  { onnx, tflite, threads }: LayerRequest,
  dense: ExecutionPlan,
): Promise<Engine[]> {
  const ortUrl = "/ort/ort.wasm.bundle.min.mjs";
  const ort: OrtModule = await import(/* @vite-ignore */ ortUrl);
  ort.env.wasm.wasmPaths = "/ort/";
  const xnnpack = litert as unknown as LitertModule;
  return [
    await openOrt(ort, "onnxruntime-web", await read(onnx), threads),
    await openLitert(xnnpack, "/litert/", "litert", await read(tflite), threads),
    openTfjs(await loadTfjs("/tfjs-core/", "/tfjs/", threads), "tfjs-wasm", dense.graph),
  ] satisfies (Engine & { name: string })[];
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
