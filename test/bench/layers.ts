/**
 * `npm run bench -- layers`: single layers against onnxruntime-web in one page of Chromium, by turns, each checked
 * against the reference in the same run. A case is `--depth` layers in a row (see layer-cases.ts); times are per
 * layer. Prints a table; --json FILE writes one row a layer and pattern.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildForBrowser } from "../../build.ts";
import { runInPage } from "../../pruner/bench/browser.ts";
import { plainTable } from "../../pruner/bench/rows.ts";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { denseFlops, type LayerCase, layerCases, layerGraph, layerInput } from "./layer-cases.ts";
import type { LayerRequest, LayerResult } from "./layers-worker.ts";

const seed = 1;
const pruned = { pattern: "block:16x8", sparsity: 0.7 };
/** Sums of up to 2304 products in another order. */
const tolerance = 1e-4;

export interface LayerRow {
  readonly case: string;
  readonly pattern: string; // "dense" for the row of the dense layer
  readonly sparsity: number;
  readonly threads: number;
  readonly dtype: "float32";
  readonly ms: Readonly<Record<string, number>>; // of a layer, the minimum; engines "filigree", "filigree-dense", "onnxruntime-web"
  readonly medianMs: Readonly<Record<string, number>>;
  readonly spread: Readonly<Record<string, number>>; // (upper quartile - lower quartile) / median
  readonly gflops: number; // done by "filigree": the work of the blocks that are kept
  readonly peakGflops: number; // of the threads together, measured in the same run
  readonly maxError: number; // of "filigree", against the reference
}

export async function layers(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      json: { type: "string" },
      threads: { type: "string", default: "1" },
      depth: { type: "string", default: "4" },
      cases: { type: "string" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      kernels: { type: "boolean", default: false },
    },
  });
  const depth = Number(values.depth);
  const rounds = Number(values.rounds ?? (values.quick ? 9 : 61));
  const wanted = values.cases?.split(",");
  const cases = layerCases.filter(({ name }) => !wanted || wanted.some((part) => name.includes(part)));
  if (!cases.length)
    throw new Error(`no case is like "${values.cases}": ${layerCases.map((c) => c.name).join(", ")}`);

  const built = mkdtempSync(join(tmpdir(), "filigree-layers-"));
  const rows: LayerRow[] = [];
  try {
    await buildForBrowser("worker", "test/bench/layers-worker.ts", built);
    await buildForBrowser("thread", "runtime/backends/wasm/thread.ts", built);
    for (const threads of values.threads.split(",").map(Number)) {
      for (const layer of cases) {
        const result = await measureInPage(built, layer, { depth, threads, rounds });
        if (values.kernels) console.log(layer.name, result.kernels);
        rows.push(...rowsOf(layer, depth, result));
      }
    }
  } finally {
    rmSync(built, { recursive: true });
  }
  console.log(tableOf(rows));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
  const wrong = rows.filter(({ maxError }) => !(maxError <= tolerance));
  if (wrong.length)
    throw new Error(`wrong results: ${wrong.map((row) => `${row.case} ${row.pattern}`).join(", ")}`);
}

async function measureInPage(
  built: string,
  layer: LayerCase,
  { depth, threads, rounds }: { depth: number; threads: number; rounds: number },
): Promise<LayerResult> {
  const dense = layerGraph(layer, depth, seed);
  const files = {
    "/dense": await writeModel(dense),
    "/pruned": await writeModel(layerGraph(layer, depth, seed, pruned)),
    "/onnx": exportOnnx(dense),
    "/input": new Uint8Array(layerInput(layer, seed + 1).data.buffer),
    "/page.js": pageModule,
  };
  const ort = dirname(fileURLToPath(import.meta.resolve("onnxruntime-web/wasm")));
  const site = { folders: { "/built/": built, "/ort/": ort }, files };
  const request: LayerRequest = {
    dense: "/dense",
    pruned: "/pruned",
    onnx: "/onnx",
    input: "/input",
    threads,
    rounds,
  };
  return runInPage<LayerResult>({ site, module: "/page.js" }, request);
}

/** The page only starts the worker and passes its answer on. */
const pageModule = `globalThis.job = (request) => new Promise((resolve, reject) => {
  const worker = new Worker("/built/worker.js", { type: "module" });
  worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.result));
  worker.onerror = (event) => reject(new Error(event.message || "the worker did not load"));
  worker.postMessage(request);
});`;

function rowsOf(
  layer: LayerCase,
  depth: number,
  { timings, maxErrors, peakGflops, threads }: LayerResult,
): LayerRow[] {
  const of = (
    pick: (timing: LayerResult["timings"]["filigree"]) => number,
    own: keyof typeof timings,
  ) => ({
    filigree: pick(timings[own]),
    "filigree-dense": pick(timings["filigree-dense"]),
    "onnxruntime-web": pick(timings["onnxruntime-web"]),
  });
  const row = (own: "filigree" | "filigree-dense", pattern: string, sparsity: number): LayerRow => {
    const ms = of((timing) => timing.minMs / depth, own);
    return {
      case: layer.name,
      pattern,
      sparsity,
      threads,
      dtype: "float32",
      ms,
      medianMs: of((timing) => timing.medianMs / depth, own),
      spread: of((timing) => timing.spread, own),
      gflops: (denseFlops(layer) * (1 - sparsity)) / ms.filigree / 1e6,
      peakGflops: peakGflops * threads,
      maxError: maxErrors[own],
    };
  };
  return [row("filigree-dense", "dense", 0), row("filigree", pruned.pattern, pruned.sparsity)];
}

function tableOf(rows: readonly LayerRow[]): string {
  const head = [
    "layer",
    "pattern",
    "threads",
    "ms",
    "onnxruntime-web ms",
    "times faster",
    "by medians",
  ].concat(["spread", "GFLOP/s", "% of peak", "max error"]);
  const cells = rows.map((row) => {
    const ratio = (ms: LayerRow["ms"]) => `${(ms["onnxruntime-web"] / ms.filigree).toFixed(2)}x`;
    const spread = Math.max(row.spread.filigree, row.spread["onnxruntime-web"]);
    return [
      row.case,
      row.sparsity ? `${row.pattern} ${100 * row.sparsity} %` : row.pattern,
      String(row.threads),
      row.ms.filigree.toFixed(3),
      row.ms["onnxruntime-web"].toFixed(3),
      ratio(row.ms),
      ratio(row.medianMs),
      `${(100 * spread).toFixed(1)} %`,
      row.gflops.toFixed(1),
      `${((100 * row.gflops) / row.peakGflops).toFixed(0)} %`,
      row.maxError.toExponential(1),
    ];
  });
  return plainTable(head, cells);
}
