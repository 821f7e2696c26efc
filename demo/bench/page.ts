/**
 * The page of the benchmark: Filigree and onnxruntime-web side by side, each through its own public interface.
 *
 * Filigree computes in its worker, so every call pays for the message to it and back; onnxruntime-web computes in
 * the page itself and pays nothing of the kind. That is how a page would use either, and the difference counts
 * against Filigree; `insideMs` tells what the worker alone takes. Both get the same threads and the same inputs, and
 * take turns.
 */
import {
  type BenchJob,
  type Engine,
  type EngineSpec,
  openOrt,
  runJob,
} from "../../pruner/bench/page.ts";
import type * as Filigree from "../../runtime/index.ts";

Object.assign(globalThis, {
  job: (job: BenchJob, progress: (doing: string, done: number, total: number) => void) =>
    runJob(job, open, read, progress),
});

// Loaded as a user's page loads them, not bundled into this one.
const filigreeUrl = new URL(/* @vite-ignore */ "../index.js", import.meta.url).href;
const ortFolder = "/ort/";

async function open(spec: EngineSpec, model: Uint8Array): Promise<Engine> {
  return spec.kind === "filigree" ? openFiligree(spec, model) : openOnnxRuntime(spec, model);
}

async function openFiligree(spec: EngineSpec, model: Uint8Array): Promise<Engine> {
  const { load }: typeof Filigree = await import(/* @vite-ignore */ filigreeUrl);
  const session = await load(model, { threads: spec.threads });
  return {
    name: spec.name,
    reference: spec.reference,
    capabilities: { ...session.capabilities },
    run: (inputs) => session.run(inputs),
    insideMs: async (inputs) => {
      const rows = await session.profile(inputs, 50);
      return rows.reduce((sum, { ms }) => sum + ms, 0);
    },
    profile: async (inputs, runs) => {
      const rows = await session.profile(inputs, runs);
      return rows.map(({ node, ms }) => ({ node, ms }));
    },
    dispose: () => session.dispose(),
  };
}

async function openOnnxRuntime(spec: EngineSpec, model: Uint8Array): Promise<Engine> {
  const ort = await import(/* @vite-ignore */ `${ortFolder}ort.wasm.bundle.min.mjs`);
  ort.env.wasm.wasmPaths = ortFolder;
  return openOrt(ort, spec.name, model, spec.threads, spec.reference);
}

async function read(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
