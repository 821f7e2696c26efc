/**
 * `npm run bench -- layers`: single layers against onnxruntime-web, LiteRT.js and tfjs-wasm in one worker of Chromium,
 * by turns, each checked in the same run (layers-worker.ts says how). A case is some layers in a row (see layer-cases.ts);
 * times are per layer. Prints a table, and what stays below its floor (expected.ts).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { buildForBrowser } from "../../build.ts";
import { runInPage } from "../../pruner/bench/browser.ts";
import { fillMarked, markdownTable } from "../../pruner/bench/markdown.ts";
import { quantile } from "../../pruner/bench/measure.ts";
import { plainTable } from "../../pruner/bench/rows.ts";
import { names, numbers, wholeNumber } from "../../pruner/cli/options.ts";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import { exportTflite } from "../../pruner/export/tflite.ts";
import { writeModel } from "../../runtime/model/file.ts";
import {
  denseFlops,
  depthOf,
  type LayerCase,
  layerCases,
  layerGraph,
  layerInput,
  layerPatterns,
} from "./layer-cases.ts";
import type { LayerRow } from "./layer-row.ts";
import { layerTable, missedFloors, patternTable, shareTable } from "./layers-table.ts";
import type { Baseline, LayerRequest, LayerResult } from "./layers-worker.ts";

const seed = 1;
/** Sums of up to 4608 products in another order, a few layers deep. */
const tolerance = 1e-4;
const usualCases = ["1x1 256->256 @14", "3x3 64->64 @56", "3x3 256->256 @14", "gemm 197 x 768->768"];
const usualPatterns = ["dense", "block:16x8@70", "block:8x4@50", "2:4x8", "2:4", "unstructured@70"];
const baselines: readonly Baseline[] = ["onnxruntime-web", "litert", "tfjs-wasm"];

interface Options {
  readonly cases?: string[];
  readonly patterns?: string[];
  readonly all?: boolean;
  readonly threads: number[];
  readonly rounds: number;
  readonly depth?: number;
  readonly kernels?: boolean;
  readonly json?: string;
  readonly merge?: boolean;
  readonly readme?: boolean;
  readonly strict?: boolean;
}

export function layersCommand(): Command {
  return new Command("layers")
    .description("single layers: share of the machine's peak, and times faster than other engines")
    .option("--cases <list>", "only cases whose name holds one of these", names)
    .option("--patterns <list>", 'only these, as in "dense,16x8@70,2:4"', names)
    .option("--all", "every case and every pattern; --readme takes them too")
    .option("--threads <list>", "one measurement for each", numbers, [1])
    .option(
      "--rounds <n>",
      "samples of each time, by turns; 0: only the tables of --merge",
      wholeNumber,
      41,
    )
    .option("--depth <n>", "layers in a row; more for small layers where it is left out", wholeNumber)
    .option("--kernels", "print what the backend chose")
    .option("--json <file>", "write one row a case, pattern and number of threads")
    .option("--merge", "keep the other rows of that file: a long run in parts")
    .option("--readme", "write the tables into README.md")
    .option("--strict", "fail where a floor is missed")
    .action((options: Options) => layers(options));
}

async function layers(options: Options): Promise<void> {
  const { rounds, json, merge, readme, strict } = options;
  const isWhole = options.all || (readme && !options.cases);
  const cases = rounds ? choose(options.cases ?? (isWhole ? [""] : usualCases)) : [];
  const patterns = options.patterns?.map(knownPattern) ?? (isWhole ? [...layerPatterns] : usualPatterns);
  const measuredRows: LayerRow[] = [];
  const built = mkdtempSync(join(tmpdir(), "filigree-layers-"));
  try {
    await buildForBrowser("worker", "test/bench/layers-worker.ts", built);
    await buildForBrowser("thread", "runtime/backends/wasm/thread.ts", built);
    for (const threads of options.threads) {
      for (const layer of cases) {
        const depth = options.depth ?? depthOf(layer);
        const measured = await measureInPage(built, layer, patterns, { depth, threads, rounds });
        if (options.kernels) console.log(layer.name, measured.result.kernels);
        measuredRows.push(...rowsOf(layer, depth, measured));
      }
    }
  } finally {
    rmSync(built, { recursive: true });
  }
  failIfWrong(measuredRows);
  const rows = merge && json && existsSync(json) ? merged(readRows(json), measuredRows) : measuredRows;
  const { head, cells } = layerTable(rows);
  console.log(plainTable(head, cells));
  if (json) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
  if (readme) fillReadme(rows);
  const missed = missedFloors(rows);
  if (missed.length) console.log(`floors that are missed:\n${missed.join("\n")}`);
  if (missed.length && strict) throw new Error(`${missed.length} floors are missed`);
}

/** Every row was checked in the run that it was timed in. */
export function failIfWrong(rows: readonly LayerRow[]): void {
  const wrong = rows.filter(({ maxError }) => !(maxError <= tolerance));
  if (!wrong.length) return;
  const what = wrong.map((row) => `${row.case} ${row.pattern} by ${row.maxError}`);
  throw new Error(`wrong results: ${what.join(", ")}`);
}

const readRows = (path: string): LayerRow[] => JSON.parse(readFileSync(path, "utf8"));

/** In the order of the cases; rows that were measured anew take the place of those before. */
export function merged(before: readonly LayerRow[], anew: readonly LayerRow[]): LayerRow[] {
  const keyOf = (row: LayerRow) => [row.case, row.pattern, row.threads].join();
  const keys = new Set(anew.map(keyOf));
  const all = [...before.filter((row) => !keys.has(keyOf(row))), ...anew];
  const place = ({ threads, ...row }: LayerRow) =>
    (threads * 100 + layerCases.findIndex(({ name }) => name === row.case)) * 100 +
    (layerPatterns as readonly string[]).indexOf(row.pattern);
  return all.sort((a, b) => place(a) - place(b));
}

function choose(parts: readonly string[]): LayerCase[] {
  const cases = layerCases.filter(({ name }) => parts.some((part) => name.includes(part)));
  if (cases.length) return cases;
  throw new Error(`no case is like "${parts}": ${layerCases.map((c) => c.name).join(", ")}`);
}

function knownPattern(text: string): string {
  const known = layerPatterns.find((pattern) => pattern === text || pattern === `block:${text}`);
  if (known) return known;
  throw new Error(`no pattern "${text}"; there are: ${layerPatterns.join(", ")}`);
}

interface Measured {
  readonly result: LayerResult;
  readonly densities: Readonly<Record<string, number>>; // by pattern that was asked for
}

async function measureInPage(
  built: string,
  layer: LayerCase,
  patterns: readonly string[],
  { depth, threads, rounds }: { depth: number; threads: number; rounds: number },
): Promise<Measured> {
  const dense = layerGraph(layer, depth, seed).graph;
  const files: Record<string, string | Uint8Array> = {
    "/dense": await writeModel(dense),
    "/onnx": exportOnnx(dense),
    "/tflite": exportTflite(dense),
    "/input": new Uint8Array(layerInput(layer, seed + 1).data.buffer),
    "/page.js": pageModule,
  };
  const pruned: Record<string, { model: string; onnx: string }> = {};
  const densities: Record<string, number> = {};
  for (const [i, pattern] of patterns.entries()) {
    const { graph, density } = layerGraph(layer, depth, seed, pattern);
    densities[pattern] = density;
    if (pattern === "dense") continue;
    pruned[pattern] = { model: `/pruned/${i}`, onnx: `/pruned/${i}/onnx` };
    files[pruned[pattern].model] = await writeModel(graph);
    files[pruned[pattern].onnx] = exportOnnx(graph);
  }
  const site = { folders: { "/built/": built, ...baselineFolders() }, files };
  const urls = { dense: "/dense", onnx: "/onnx", tflite: "/tflite", input: "/input" };
  const request: LayerRequest = { ...urls, pruned, threads, rounds };
  const job = { site, module: "/page.js", onConsole };
  return { result: await runInPage<LayerResult>(job, request), densities };
}

export function baselineFolders(): Record<string, string> {
  const folderOf = (module: string) => dirname(fileURLToPath(import.meta.resolve(module)));
  return {
    "/ort/": folderOf("onnxruntime-web/wasm"),
    "/litert/": join(folderOf("@litertjs/core"), "../wasm"),
    "/tfjs-core/": folderOf("@tensorflow/tfjs-core"),
    "/tfjs/": folderOf("@tensorflow/tfjs-backend-wasm"),
  };
}

/** LiteRT.js reports each of its steps, and that there is no GPU. */
export function onConsole(text: string): void {
  if (!text.includes("WebGPU device")) console.error(`page: ${text}`);
}

/** The page only starts the worker and passes its answer on. */
const pageModule = `globalThis.job = (request) => new Promise((resolve, reject) => {
  const worker = new Worker("/built/worker.js", { type: "module" });
  worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.result));
  worker.onerror = (event) => reject(new Error(event.message || "the worker did not load"));
  worker.postMessage(request);
});`;

function rowsOf(layer: LayerCase, depth: number, { result, densities }: Measured): LayerRow[] {
  const { timings, kernelMs, maxErrors, peakGflops, threads } = result;
  return Object.entries(densities).map(([pattern, density]) => {
    const entries = { filigree: pattern, "filigree-dense": "dense" };
    const all = { ...entries, ...Object.fromEntries(baselines.map((name) => [name, name])) };
    const of = (pick: (entry: string) => number) =>
      Object.fromEntries(Object.entries(all).map(([engine, entry]) => [engine, pick(entry)]));
    const ms = of((entry) => timings[entry].minMs / depth);
    return {
      case: layer.name,
      pattern,
      sparsity: 1 - density,
      threads,
      dtype: "float32",
      ms,
      medianMs: of((entry) => timings[entry].medianMs / depth),
      spread: of((entry) => timings[entry].spread),
      gflops: (denseFlops(layer) * density * depth) / kernelMs[pattern] / 1e6,
      peakGflops: peakGflops * threads,
      maxError: Math.max(...Object.values(of((entry) => maxErrors[entry]))),
    };
  });
}

function fillReadme(rows: readonly LayerRow[]): void {
  const tables = [patternTable(rows), shareTable(rows)].map(({ head, cells }) =>
    markdownTable(head, cells),
  );
  const peak = quantile(
    rows.map(({ peakGflops, threads }) => peakGflops / threads),
    0.5,
  ).toFixed(0);
  const machine = `${cpus()[0]?.model.trim()}, ${peak} GFLOP/s a thread; Chromium.`;
  const path = fileURLToPath(new URL("../../README.md", import.meta.url));
  const content = [...tables, machine].join("\n\n");
  writeFileSync(path, fillMarked(readFileSync(path, "utf8"), "the layers bench", content));
}
