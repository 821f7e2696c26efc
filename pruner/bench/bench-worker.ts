/** A Node worker thread that runs a BenchJob, where there is no browser: the wasm backend itself, without a session. */
import { parentPort, workerData } from "node:worker_threads";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { readModel } from "../../runtime/model/file.ts";
import { plan } from "../../runtime/plan.ts";
import type { Engine } from "./engine.ts";
import { type BenchJob, type EngineSpec, runJob } from "./job.ts";
import { type OrtModule, openOrt } from "./ort.ts";

export interface WorkerRequest {
  readonly job: BenchJob;
  readonly files: Readonly<Record<string, Uint8Array>>; // by url
}

export type WorkerMessage =
  | { readonly progress: readonly [doing: string, done: number, total: number] }
  | { readonly report: Awaited<ReturnType<typeof runJob>> };

const { job, files } = workerData as WorkerRequest;
const post = (message: WorkerMessage) => parentPort?.postMessage(message);
const report = await runJob(
  job,
  open,
  async (url) => files[url],
  (...progress) => post({ progress }),
);
post({ report });

async function open(spec: EngineSpec, model: Uint8Array): Promise<Engine> {
  const { name, threads, reference } = spec;
  if (spec.kind === "onnxruntime-web") {
    const ort = (await import("onnxruntime-web")) as unknown as OrtModule;
    return openOrt(ort, name, model, threads, reference);
  }
  const { graph } = await readModel(model);
  const executable = await wasm.prepare(plan(graph), { threads });
  return {
    name,
    reference,
    capabilities: { backend: "wasm", threads: executable.threads, relaxedSimd: executable.relaxedSimd },
    run: (inputs) => executable.run(inputs),
    profile: async (inputs, runs) => {
      const rows = await executable.profile(inputs, runs);
      return rows.map(({ node, ms }) => ({ node, ms }));
    },
    dispose: () => executable.dispose(),
  };
}
