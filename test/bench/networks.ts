/**
 * `npm run bench -- networks`: whole networks in one page of Chromium, engine by turns with engine: Filigree pruned and
 * dense, onnxruntime-web, and LiteRT.js where the network can be written for it. Each result is checked in the same run
 * against onnxruntime-web on the same weights; one that is wrong fails the run. Prints a table of the times, and one of
 * what engines take to start. Networks of the zoo have random weights, pruned by magnitude without training. Real
 * models (networks-real.ts) are pruned so too, or have the zeros that their makers gave them, in the row "dense" too.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { buildForBrowser, buildRuntime } from "../../build.ts";
import { type ZooName, zoo } from "../../demo/zoo/index.ts";
import { runInPage } from "../../pruner/bench/browser.ts";
import { fillMarked, markdownTable } from "../../pruner/bench/markdown.ts";
import { plainTable } from "../../pruner/bench/rows.ts";
import type { Site } from "../../pruner/bench/server.ts";
import { baselineFolders, onConsole } from "./layers.ts";
import type { ColdRequest, ColdStart, StartName } from "./networks-cold.ts";
import { type EngineName, engineNames } from "./networks-engines.ts";
import { type NetworkFiles, writeNetwork, writeRealModel, writeTrainedModel } from "./networks-files.ts";
import {
  type RealName,
  realModels,
  type TrainedName,
  trainedModels,
  whyNoRealModels,
} from "./networks-real.ts";
import type { NetworkRow } from "./networks-row.ts";
import { coldTable, networkTable, shortTable, type TableData } from "./networks-table.ts";
import type { NetworkRequest, NetworkResult } from "./networks-worker.ts";

/** Of an output's range: a network is up to a hundred layers of sums in another order. */
const tolerance = 1e-3;

interface Options {
  readonly json?: string;
  readonly threads: string;
  readonly cases?: string;
  readonly engines: string;
  readonly pattern: string;
  readonly sparsity?: string;
  readonly rounds: string;
  readonly cold: string;
  readonly small?: boolean;
  readonly readme?: boolean;
  readonly kernels?: boolean;
}

export function networksCommand(): Command {
  return new Command("networks")
    .description("whole networks: milliseconds, times faster than other engines, cold start")
    .option("--cases <list>", "only these networks, or those whose name holds one of these")
    .option("--engines <list>", "only these, and onnxruntime-web", engineNames.join())
    .option("--pattern <pattern>", "block:16x8, 2:4, …", "block:16x8")
    .option("--sparsity <fraction>", "of the blocks that are removed, as in 0.7")
    .option("--threads <list>", "one measurement for each", "1")
    .option("--rounds <n>", "samples of each time, taken by turns", "9")
    .option("--cold <n>", "starts of each engine, 0 leaves them out", "1")
    .option("--small", "small images, to see that it works")
    .option("--kernels", "print what the backend chose, step by step")
    .option("--json <file>", "write two rows a network: dense and pruned")
    .option("--readme", "write the tables into README.md")
    .action((options: Options) => networks(options));
}

async function networks(values: Options): Promise<void> {
  const wanted = values.cases?.split(",");
  type Name = ZooName | TrainedName | RealName;
  const known = [zoo, trainedModels, realModels].flatMap((table) => Object.keys(table)) as Name[];
  const isName = (part: string) => known.some((name) => name === part);
  const asked = known.filter(
    (name) => !wanted || wanted.some((part) => name === part || (!isName(part) && name.includes(part))),
  );
  if (!asked.length) throw new Error(`no network is like "${values.cases}": ${known.join()}`);
  const names = asked.filter((name) => name in zoo || !whyNoRealModels);
  const left = asked.filter((name) => !names.includes(name));
  if (left.length) console.log(`left out: ${left.join(", ")}: ${whyNoRealModels}`);
  const engines = enginesOf(values.engines);
  const rounds = Number(values.rounds);
  const { pattern } = values;
  const sparsity = values.sparsity === undefined ? undefined : Number(values.sparsity);

  const built = mkdtempSync(join(tmpdir(), "filigree-networks-"));
  const site: Site = {
    folders: { "/built/": built, ...baselineFolders() },
    files: { "/page.js": pageModule },
  };
  const folder = join(built, "models");
  const write = (name: Name): Promise<NetworkFiles> => {
    if (isIn(realModels, name)) return writeRealModel(name, folder, engines);
    if (isIn(trainedModels, name))
      return writeTrainedModel(name, folder, engines, { pattern, sparsity });
    const size = values.small ? zoo[name].smallSize : undefined;
    return writeNetwork(name, folder, engines, { pattern, sparsity, size });
  };
  const rows: NetworkRow[] = [];
  try {
    await buildForBrowser("networks", "test/bench/networks-worker.ts", built);
    await buildForBrowser("cold", "test/bench/networks-cold.ts", built);
    await buildRuntime(built);
    for (const name of names) {
      const files = await write(name);
      console.log(densities(name, files));
      const taken = engines.filter((engine) => !files.refused[engine]);
      for (const [engine, reason] of Object.entries(files.refused)) console.log(`${engine}: ${reason}`);
      for (const threads of values.threads.split(",").map(Number)) {
        const common = { folder: "/built/models/", input: files.input, threads };
        const request: NetworkRequest = {
          ...common,
          engines: taken,
          rounds,
          kernels: values.kernels === true,
        };
        const result = await runInPage<NetworkResult>({ site, module: "/page.js", onConsole }, request);
        for (const [engine, lines] of Object.entries(result.kernels))
          console.log(`${name}, ${engine}:\n${lines.join("\n")}`);
        const coldStart = await coldStarts(site, common, taken, Number(values.cold));
        rows.push(...rowsOf(name, files, result, coldStart));
      }
      rmSync(folder, { recursive: true });
    }
  } finally {
    rmSync(built, { recursive: true });
  }
  print(networkTable(rows));
  if (values.cold !== "0") print(coldTable(rows));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
  const wrong = rows.flatMap((row) =>
    Object.entries(row.maxErrors)
      .filter(([, error]) => !(error <= tolerance))
      .map(([engine, error]) => `${row.case} by ${engine} (${error.toExponential(1)})`),
  );
  if (wrong.length) throw new Error(`wrong results: ${[...new Set(wrong)].join(", ")}`);
  if (values.readme) fillReadme(rows);
}

function isIn<T extends object>(table: T, name: string): name is string & keyof T {
  return name in table;
}

const print = ({ head, cells }: TableData) => console.log(plainTable(head, cells));

function fillReadme(rows: readonly NetworkRow[]): void {
  const tables = [shortTable(rows), coldTable(rows)].filter(({ cells }) => cells.length);
  const content = [
    ...tables.map(({ head, cells }) => markdownTable(head, cells)),
    `${cpus()[0]?.model.trim()}; Chromium.`,
  ].join("\n\n");
  const path = fileURLToPath(new URL("../../README.md", import.meta.url));
  writeFileSync(path, fillMarked(readFileSync(path, "utf8"), "the networks bench", content));
}

/** In the table's order; onnxruntime-web is always there, because it says what is right. */
function enginesOf(list: string): EngineName[] {
  const asked = list.split(",");
  const unknown = asked.find((name) => !engineNames.includes(name as EngineName));
  if (unknown) throw new Error(`no engine "${unknown}"; there are: ${engineNames.join(", ")}`);
  return engineNames.filter((name) => asked.includes(name) || name === "onnxruntime-web");
}

/** The page only starts the workers, one after the other, and passes their answers on. */
const pageModule = `const ask = (message) => new Promise((resolve, reject) => {
  const worker = new Worker("/built/networks.js", { type: "module" });
  worker.onmessage = ({ data }) => {
    worker.terminate();
    data.error ? reject(new Error(data.error)) : resolve(data.result);
  };
  worker.onerror = (event) => reject(new Error(event.message || "the worker did not load"));
  worker.postMessage(message);
});
globalThis.job = async (request) =>
  ask({ ...request, expect: false, pruned: await ask({ ...request, expect: true }) });`;

/** Every engine started in browsers of its own; of several starts the quickest. */
async function coldStarts(
  site: Site,
  common: Omit<ColdRequest, "engine">,
  engines: readonly EngineName[],
  times: number,
): Promise<NetworkRow["coldStart"]> {
  if (times === 0) return undefined;
  const best: Partial<Record<StartName, ColdStart>> = {};
  const starts = engines.flatMap((engine): StartName[] =>
    engine === "filigree" ? [engine, "filigree, second start"] : [engine],
  );
  for (let time = 0; time < times; time++) {
    for (const engine of starts) {
      const start = await runInPage<ColdStart>(
        { site, module: "/built/cold.js", onConsole },
        { ...common, engine },
      );
      const known = best[engine];
      if (!known || totalMs(start) < totalMs(known)) best[engine] = start;
    }
  }
  return best;
}

const totalMs = ({ loadMs, prepareMs, firstRunMs }: ColdStart) => loadMs + prepareMs + firstRunMs;

/** "resnet50: 30.0 % of the weights kept, 10.2 to 53.1 % of a layer; 31.9 % of the work". */
function densities(name: string, { pattern, layers, flops }: NetworkFiles): string {
  const percent = (fraction: number) => (100 * fraction).toFixed(1);
  const of = layers.map(({ kept, elements }) => kept / elements);
  return (
    `${name}, ${pattern}: ${percent(densityOf(layers))} % of the pruned weights kept, ` +
    `${percent(Math.min(...of))} to ${percent(Math.max(...of))} % of a layer, ` +
    `${percent(flops.pruned / flops.dense)} % of the whole work`
  );
}

function densityOf(layers: NetworkFiles["layers"]): number {
  const sum = (of: "kept" | "elements") => layers.reduce((all, layer) => all + layer[of], 0);
  return sum("kept") / sum("elements");
}

function rowsOf(
  name: string,
  { pattern, layers, flops }: NetworkFiles,
  { timings, maxErrors, peakGflops, threads }: NetworkResult,
  coldStart: NetworkRow["coldStart"],
): NetworkRow[] {
  const timed = Object.values(timings);
  const row = (weights: "dense" | "pruned"): NetworkRow => {
    const own = weights === "dense" ? "filigree-dense" : "filigree";
    const of = (pick: (timing: (typeof timed)[number]) => number) => {
      const all = Object.fromEntries(timed.map((timing) => [timing.name, pick(timing)]));
      return { ...all, filigree: all[own] };
    };
    const ms = of(({ minMs }) => minMs);
    const density = weights === "dense" ? 1 : densityOf(layers);
    return {
      case: name,
      pattern: weights === "dense" ? "dense" : pattern,
      sparsity: 1 - density,
      threads,
      dtype: "float32",
      ms,
      medianMs: of(({ medianMs }) => medianMs),
      spread: of(({ spread }) => spread),
      gflops: flops[weights] / ms.filigree / 1e6,
      peakGflops: peakGflops * threads,
      maxError: maxErrors[own]!,
      maxErrors: maxErrors as Record<string, number>,
      workDensity: flops[weights] / flops.dense,
      coldStart: weights === "pruned" ? coldStart : undefined,
    };
  };
  return (["dense", "pruned"] as const)
    .filter((weights) => timings[weights === "dense" ? "filigree-dense" : "filigree"])
    .map(row);
}
