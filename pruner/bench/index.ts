/** Benchmarks models against each other, in headless Chromium where there is one, else in a Node worker thread. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { WorkerMessage, WorkerRequest } from "./bench-worker.ts";
import { runInPage } from "./browser.ts";
import { findChromium, howToGetChromium } from "./chromium.ts";
import type { Progress, Tensors } from "./engine.ts";
import { type BenchJob, type BenchReport, type EngineSpec, encodeSamples } from "./job.ts";

export { runInPage } from "./browser.ts";
export { chromiumArgs, findChromium, howToGetChromium } from "./chromium.ts";
export { fillMarked, markdownTable } from "./markdown.ts";
export * from "./page.ts";
export { type BenchRow, benchRows, benchTable, plainTable } from "./rows.ts";
export { type Server, type Site, serve } from "./server.ts";

export interface BenchModel extends Omit<EngineSpec, "url"> {
  readonly model: Uint8Array; // .filigree or .onnx, as `kind` says
}

export interface BenchOptions extends Pick<BenchJob, "rounds" | "classify" | "profileRounds"> {
  /** "auto" (default): Chromium where it is found. */
  readonly place?: "auto" | "chromium" | "node";
  /** Folder of the built package, where it is another than this package's dist/. */
  readonly dist?: string;
  readonly onProgress?: Progress;
}

export interface Benchmark extends BenchReport {
  readonly place: "chromium" | "node";
  readonly notes: readonly string[]; // one sentence for each thing that is not as it was asked
}

/** Loads all models in one page and measures them by turns, over the same samples. */
export async function benchmark(
  models: readonly BenchModel[],
  samples: readonly Tensors[],
  options: BenchOptions = {},
): Promise<Benchmark> {
  const { place = "auto", onProgress, dist = builtFolder() } = options;
  const { rounds, classify, profileRounds } = options;
  const files: Record<string, Uint8Array> = {};
  const engines = models.map(({ model, ...spec }, i) => {
    const url = `/models/${i}`;
    files[url] = model;
    return { ...spec, url };
  });
  const encoded = encodeSamples(samples, "/samples");
  files["/samples"] = encoded.bytes;
  const job: BenchJob = { engines, samples: encoded.samples, rounds, classify, profileRounds };
  return place === "node" || (place === "auto" && !findChromium())
    ? inNode(dist, job, files, onProgress)
    : inChromium(dist, job, files, onProgress);
}

async function inChromium(
  dist: string,
  job: BenchJob,
  files: Readonly<Record<string, Uint8Array>>,
  onProgress?: Progress,
): Promise<Benchmark> {
  const folders: Record<string, string> = { "/dist/": dist };
  const notes: string[] = [];
  const ort = ortFolder();
  if (ort) folders["/ort/"] = ort;
  else notes.push("onnxruntime-web is not installed and was left out: npm install onnxruntime-web");
  const engines = ort ? job.engines : job.engines.filter(({ kind }) => kind !== "onnxruntime-web");
  const page = { site: { folders, files }, module: "/dist/bench/page.js", onProgress };
  const report = await runInPage<BenchReport>(page, { ...job, engines: withReferences(engines) });
  return { ...report, place: "chromium", notes };
}

/** One thread: Node has no workers that the runtime could start. */
async function inNode(
  dist: string,
  job: BenchJob,
  files: Readonly<Record<string, Uint8Array>>,
  onProgress?: Progress,
): Promise<Benchmark> {
  const notes = ["measured in a Node worker thread, one thread each"];
  if (!findChromium()) notes.unshift(howToGetChromium);
  let engines = job.engines.map((engine) => ({ ...engine, threads: 1 }));
  try {
    import.meta.resolve("onnxruntime-web");
  } catch {
    notes.push("onnxruntime-web is not installed and was left out: npm install onnxruntime-web");
    engines = engines.filter(({ kind }) => kind !== "onnxruntime-web");
  }
  const request: WorkerRequest = { job: { ...job, engines: withReferences(engines) }, files };
  const worker = new Worker(join(dist, "bench-worker.js"), { workerData: request });
  try {
    const report = await new Promise<BenchReport>((resolve, reject) => {
      worker.on("message", (message: WorkerMessage) => {
        if ("report" in message) resolve(message.report);
        else onProgress?.(...message.progress);
      });
      worker.on("error", reject);
      worker.on("exit", (code) => reject(new Error(`the worker thread ended with ${code}`)));
    });
    return { ...report, place: "node", notes };
  } finally {
    await worker.terminate();
  }
}

/** A reference that was left out is replaced by the engine itself. */
function withReferences(engines: readonly EngineSpec[]): EngineSpec[] {
  const names = engines.map(({ name }) => name);
  return engines.map((engine) =>
    engine.reference && !names.includes(engine.reference)
      ? { ...engine, reference: engine.name }
      : engine,
  );
}

/** dist/ with what the page and the worker load; this module lies in it, or in the sources beside it. */
function builtFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  if (!existsSync(join(folder, "dist/bench/page.js"))) {
    throw new Error("dist/bench/page.js is not there: npm run build");
  }
  return join(folder, "dist");
}

function ortFolder(): string | undefined {
  try {
    return dirname(fileURLToPath(import.meta.resolve("onnxruntime-web/wasm")));
  } catch {
    return undefined;
  }
}
