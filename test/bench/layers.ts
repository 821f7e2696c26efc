/**
 * `npm run bench -- layers`: single layers against onnxruntime-web, LiteRT.js and tfjs-wasm in one worker of Chromium,
 * by turns, each checked against the reference in the same run. A case is some layers in a row (see layer-cases.ts);
 * times are per layer. Prints a table and what stays below its floor (expected.ts).
 *
 *   --cases A,B      only cases whose name holds one of these      --patterns A,B   only these patterns, exactly
 *   --all            every case and every pattern                  --threads 1,2    number of threads, one after the other
 *   --rounds N       samples of each time                          --depth N        layers in a row
 *   --quick          few rounds                                    --kernels        what the backend chose
 *   --json FILE      one row a case and pattern                    --readme         the table goes into README.md
 *   --strict         fail where a floor is missed
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildForBrowser } from "../../build.ts";
import { runInPage } from "../../pruner/bench/browser.ts";
import { fillMarked, markdownTable } from "../../pruner/bench/markdown.ts";
import { plainTable } from "../../pruner/bench/rows.ts";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import { exportTflite } from "../../pruner/export/tflite.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { expectations, percent, shortfalls } from "./expected.ts";
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
import type { Baseline, LayerRequest, LayerResult } from "./layers-worker.ts";

const seed = 1;
/** Sums of up to 4608 products in another order, a few layers deep. */
const tolerance = 1e-4;
const usualCases = ["1x1 256->256 @14", "3x3 64->64 @56", "3x3 256->256 @14", "gemm 197 x 768->768"];
const usualPatterns = ["dense", "block:16x8@70", "block:8x4@50", "2:4x8", "2:4", "unstructured@70"];
const baselines: readonly Baseline[] = ["onnxruntime-web", "litert", "tfjs-wasm"];

export async function layers(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      cases: { type: "string" },
      patterns: { type: "string" },
      all: { type: "boolean", default: false },
      threads: { type: "string", default: "1" },
      rounds: { type: "string" },
      depth: { type: "string" },
      quick: { type: "boolean", default: false },
      kernels: { type: "boolean", default: false },
      json: { type: "string" },
      readme: { type: "boolean", default: false },
      strict: { type: "boolean", default: false },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 9 : 41));
  const cases = choose(values.cases, usualCases, values.all);
  const patterns = choosePatterns(values.patterns, values.all);
  const rows: LayerRow[] = [];
  const built = mkdtempSync(join(tmpdir(), "filigree-layers-"));
  try {
    await buildForBrowser("worker", "test/bench/layers-worker.ts", built);
    await buildForBrowser("thread", "runtime/backends/wasm/thread.ts", built);
    for (const threads of values.threads.split(",").map(Number)) {
      for (const layer of cases) {
        const depth = Number(values.depth ?? depthOf(layer));
        const measured = await measureInPage(built, layer, patterns, { depth, threads, rounds });
        if (values.kernels) console.log(layer.name, measured.result.kernels);
        rows.push(...rowsOf(layer, depth, measured));
      }
    }
  } finally {
    rmSync(built, { recursive: true });
  }
  const { head, cells } = tableOf(rows);
  console.log(plainTable(head, cells));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
  const wrong = rows.filter(({ maxError }) => !(maxError <= tolerance));
  if (wrong.length) {
    const what = wrong.map((row) => `${row.case} ${row.pattern} by ${row.maxError}`);
    throw new Error(`wrong results: ${what.join(", ")}`);
  }
  if (values.readme) fillReadme(rows);
  const below = rows.flatMap(shortfalls);
  if (below.length && values.strict) throw new Error(`below their floors:\n${below.join("\n")}`);
  if (below.length) console.log(`${below.length} floors are missed, marked by "<" (--strict fails)`);
}

function choose(asked: string | undefined, usual: readonly string[], all: boolean): LayerCase[] {
  const parts = asked?.split(",") ?? (all ? [""] : usual);
  const cases = layerCases.filter(({ name }) => parts.some((part) => name.includes(part)));
  if (cases.length) return cases;
  throw new Error(`no case is like "${asked}": ${layerCases.map((c) => c.name).join(", ")}`);
}

function choosePatterns(asked: string | undefined, all: boolean): string[] {
  if (!asked) return all ? [...layerPatterns] : usualPatterns;
  return asked.split(",").map((part) => {
    const known = layerPatterns.find((pattern) => pattern === part || pattern === `block:${part}`);
    if (!known) throw new Error(`no pattern "${part}"; there are: ${layerPatterns.join(", ")}`);
    return known;
  });
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
  const pruned: Record<string, string> = {};
  const densities: Record<string, number> = {};
  for (const [i, pattern] of patterns.entries()) {
    const { graph, density } = layerGraph(layer, depth, seed, pattern);
    densities[pattern] = density;
    if (pattern === "dense") continue;
    pruned[pattern] = `/pruned/${i}`;
    files[pruned[pattern]] = await writeModel(graph);
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
  const { timings, maxErrors, peakGflops, threads } = result;
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
      gflops: (denseFlops(layer) * density) / ms.filigree / 1e6,
      peakGflops: peakGflops * threads,
      maxError: Math.max(...Object.values(of((entry) => maxErrors[entry]))),
    };
  });
}

function tableOf(rows: readonly LayerRow[]): { head: string[]; cells: string[][] } {
  const engines = ["filigree-dense", ...baselines];
  const head = ["layer", "pattern", "threads", "ms", "% of peak"];
  head.push(...engines.map((engine) => `vs ${engine}`), "spread", "max error");
  const cells = rows.map((row) => {
    const expected = row.threads === 1 ? expectations[row.pattern] : undefined;
    const share = row.gflops / row.peakGflops;
    const least = expected && share < expected.share[0] ? ` < ${percent(expected.share[0])}` : "";
    return [
      row.case,
      row.pattern,
      String(row.threads),
      row.ms.filigree.toFixed(3),
      `${percent(share)}${least}`,
      ...engines.map((engine) => {
        const least = expected?.faster[engine]?.[0];
        const ratio = row.ms[engine] / row.ms.filigree;
        return `${ratio.toFixed(2)}x${least !== undefined && ratio < least ? ` < ${least}` : ""}`;
      }),
      `${(100 * Math.max(...Object.values(row.spread))).toFixed(1)} %`,
      row.maxError.toExponential(1),
    ];
  });
  return { head, cells };
}

function fillReadme(rows: readonly LayerRow[]): void {
  const head = ["layer", "pattern", "threads", "ms", "of the peak", "own dense"].concat(baselines);
  const cells = rows.map((row) => [
    row.case,
    row.pattern,
    String(row.threads),
    row.ms.filigree.toFixed(3),
    percent(row.gflops / row.peakGflops),
    ...["filigree-dense", ...baselines].map((engine) => {
      return `${(row.ms[engine] / row.ms.filigree).toFixed(2)}×`;
    }),
  ]);
  const content = `${markdownTable(head, cells)}\n\n${cpus()[0]?.model.trim()}; Chromium.`;
  const path = fileURLToPath(new URL("../../README.md", import.meta.url));
  writeFileSync(path, fillMarked(readFileSync(path, "utf8"), "the layers bench", content));
}
