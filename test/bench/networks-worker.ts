/**
 * The worker in which networks are timed: every engine runs in this one thread, called in the same way, so that all
 * pay for nothing but the copy of their inputs and outputs. What the pruned network has to give is found in a worker
 * of its own, whose memory is free again before the engines that are timed take theirs.
 */
import { measure, type Timing } from "../../pruner/bench/measure.ts";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { measurePeakGflops } from "../../runtime/backends/wasm/peak.ts";
import { type Shape, tensor } from "../../runtime/model/tensor.ts";
import {
  type EngineName,
  engineFiles,
  type NetworkEngine,
  openEngine,
  openOnnxRuntime,
  read,
} from "./networks-engines.ts";
import { relativeError } from "./relative-error.ts";

export interface NetworkRequest {
  readonly folder: string; // url of the network's files
  readonly input: { readonly name: string; readonly shape: Shape };
  readonly engines: readonly EngineName[]; // "onnxruntime-web" among them
  readonly threads: number;
  readonly rounds: number;
  readonly kernels: boolean;
}

export interface NetworkResult {
  readonly timings: Readonly<Partial<Record<EngineName, Timing>>>;
  readonly maxErrors: Readonly<Partial<Record<EngineName, number>>>; // against onnxruntime-web on the same weights
  readonly kernels: Readonly<Partial<Record<EngineName, readonly string[]>>>;
  readonly peakGflops: number; // of one thread
  readonly threads: number; // that the backend really has
}

export type NetworkMessage =
  | (NetworkRequest & { readonly expect: true }) // answered by the outputs of masked.onnx
  | (NetworkRequest & { readonly expect: false; readonly pruned: Tensors });

self.onmessage = async ({ data }: MessageEvent<NetworkMessage>) => {
  try {
    self.postMessage({
      result: await (data.expect ? expectedOfPruned(data) : measureNetwork(data, data.pruned)),
    });
  } catch (error) {
    self.postMessage({ error: (error as Error).stack ?? String(error) });
  }
};

async function expectedOfPruned(request: NetworkRequest): Promise<Tensors> {
  const model = await read(`${request.folder}masked.onnx`);
  const engine = await openOnnxRuntime("masked", model, request.threads);
  return engine.run(await inputsOf(request));
}

async function measureNetwork(request: NetworkRequest, pruned: Tensors): Promise<NetworkResult> {
  const inputs = await inputsOf(request);
  const engines = new Map<EngineName, NetworkEngine>();
  for (const name of request.engines) {
    const model = await read(request.folder + engineFiles[name].file);
    engines.set(name, await openEngine(name, model, request.threads));
  }
  const dense = await engines.get("onnxruntime-web")!.run(inputs);
  const maxErrors: Partial<Record<EngineName, number>> = {};
  for (const [name, engine] of engines) {
    const expected = engineFiles[name].weights === "dense" ? dense : pruned;
    maxErrors[name] = relativeError(expected, await engine.run(inputs));
  }
  const peakBefore = measurePeakGflops();
  const measured = await measure(
    Array.from(engines, ([name, engine]) => ({ name, run: () => engine.run(inputs) })),
    { rounds: request.rounds, warmupCalls: 10 },
  );
  const peakGflops = Math.max(peakBefore, measurePeakGflops());
  const kernels: Partial<Record<EngineName, string[]>> = {};
  if (request.kernels) {
    for (const [name, engine] of engines) {
      const rows = (await engine.steps?.(inputs)) ?? [];
      if (rows.length) kernels[name] = rows.map(profileLine);
    }
  }
  const { threads } = engines.get("filigree")?.capabilities ?? request;
  for (const engine of engines.values()) await engine.dispose();
  return {
    timings: Object.fromEntries(measured.map((timing) => [timing.name, timing])),
    maxErrors,
    kernels,
    peakGflops,
    threads: threads as number,
  };
}

function profileLine({ node, kernel, detail, ms, gflops }: ProfileLine): string {
  return `${ms.toFixed(3).padStart(9)} ms ${gflops.toFixed(1).padStart(6)} GFLOP/s  ${kernel}  ${node}  ${detail}`;
}
type ProfileLine = Awaited<ReturnType<NonNullable<NetworkEngine["steps"]>>>[number];

async function inputsOf({ folder, input }: NetworkRequest): Promise<Tensors> {
  const bytes = await read(`${folder}input`);
  return { [input.name]: tensor(input.shape, new Float32Array(bytes.buffer as ArrayBuffer)) };
}
