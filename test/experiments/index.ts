/**
 * `npm run experiment -- cifar10`: the methods against each other on CIFAR-10, cell by cell. What is done stays done:
 * start it again and it goes on, in the middle of a cell too. Each result is a small file in test/experiments/results;
 * the tables and plots of docs/experiments.md are made of them.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { fillMarked } from "../../pruner/bench/markdown.ts";
import { hasShared, whyNoShared } from "../shared.ts";
import { type Cell, cells } from "./cells.ts";
import { isReady } from "./ready.ts";
import { type Results, resultsIn } from "./result.ts";

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

interface Options {
  readonly list?: boolean;
  readonly cells?: string;
  readonly minutes?: string;
  readonly scale: string;
  readonly measure?: boolean;
  readonly tables?: boolean;
  readonly threads?: string;
}

const command = new Command("npm run experiment -- cifar10")
  .argument("<experiment>", "cifar10")
  .option("--list", "show the cells, and which are done")
  .option("--cells <list>", "only cells whose name holds one of these, as in core_resnet8_smart,0.85")
  .option("--minutes <n>", "start no further cell after so many minutes")
  .option("--scale <fraction>", "part of the images of an epoch, to try it out; kept apart", "1")
  .option("--measure", "measure the networks of done cells in Chromium; run nothing")
  .option("--tables", "write docs/experiments.md from what is done; run nothing")
  .option("--threads <n>", "for training (default: all)")
  .action(async (name: string, options: Options) => {
    if (name !== "cifar10") throw new Error(`there is no experiment '${name}'; there is cifar10`);
    await cifar10(options);
  });

async function cifar10(options: Options): Promise<void> {
  const scale = Number(options.scale);
  const trial = scale === 1 ? "" : `/scale-${scale}`;
  const work = at(`out/experiments${trial}`);
  const folder = scale === 1 ? at("test/experiments/results") : join(work, "results");
  const results = resultsIn(folder);
  const words = options.cells?.split(",");
  const picked = cells.filter(({ id }) => !words || words.some((word) => id.includes(word)));
  if (picked.length === 0) throw new Error(`no cell's name holds ${options.cells}`);
  if (options.list) return list(picked, results);
  if (!hasShared) throw new Error(`the experiment needs CIFAR-10: ${whyNoShared}`);
  if (options.tables) return writeTables(results);
  if (options.measure) {
    const { measureCell } = await import("./measure.ts");
    for (const cell of picked) {
      if (await measureCell(cell, results, work)) console.log(`${cell.id}  measured`);
    }
    return scale === 1 ? writeTables(results) : undefined;
  }
  const started = performance.now();
  const limit = options.minutes === undefined ? Infinity : Number(options.minutes);
  const { runCell } = await import("./run-cell.ts");
  const threads = options.threads === undefined ? undefined : Number(options.threads);
  for (const cell of picked) {
    if (results.read(cell.id)) continue;
    if ((performance.now() - started) / 60_000 > limit) break;
    if (scale === 1 && !isReady(cell, results)) {
      console.log(`${cell.id}  waits for the trials of ${cell.method}`);
      continue;
    }
    const result = await runCell(cell, { scale, work, results, threads, onStep: progress() });
    results.write(result);
    console.log(
      `${cell.id}  ${(100 * result.accuracy).toFixed(2)} % (dense ${(100 * result.dense).toFixed(2)} %), ` +
        `${result.blocks.kept} of ${result.blocks.total} blocks, ${result.seconds} s`,
    );
    if (scale === 1) await writeTables(results);
  }
  console.log(`${doneOf(picked, results)}; without its file in ${folder} a cell is run anew`);
}

function list(picked: readonly Cell[], results: Results): void {
  const width = Math.max(...picked.map(({ id }) => id.length));
  for (const cell of picked) {
    const result = results.read(cell.id);
    const state = result
      ? `${(100 * result.accuracy).toFixed(2)} %`
      : isReady(cell, results)
        ? "to do"
        : "waits for trials";
    console.log(`${cell.id.padEnd(width)}  ${state}`);
  }
  console.log(doneOf(picked, results));
}

function doneOf(picked: readonly Cell[], results: Results): string {
  return `${picked.filter(({ id }) => results.read(id)).length} of ${picked.length} cells are done`;
}

async function writeTables(results: Results): Promise<void> {
  const [{ plotsOf }, { summaryOf, tablesOf }] = await Promise.all([
    import("./plots.ts"),
    import("./tables.ts"),
  ]);
  const fill = (file: string, content: string) =>
    writeFileSync(at(file), fillMarked(readFileSync(at(file), "utf8"), "npm run experiment", content));
  const plots = await plotsOf(cells.flatMap(({ id }) => results.read(id) ?? []));
  if (plots.length > 0) mkdirSync(at("docs/experiments"), { recursive: true });
  for (const { file, svg } of plots) writeFileSync(at(`docs/experiments/${file}`), `${svg}\n`);
  const images = plots.map(({ file, alt }) => `![${alt}](experiments/${file})`);
  fill("docs/experiments.md", [tablesOf(results), ...images].join("\n\n"));
  fill("README.md", summaryOf(results));
}

/** A line every half minute, or one that changes on a terminal. */
function progress(): (text: string) => void {
  let last = 0;
  return (text) => {
    if (process.stdout.isTTY) process.stdout.write(`\r${text.padEnd(110)}`);
    else if (performance.now() - last > 30_000) {
      last = performance.now();
      console.log(text);
    }
  };
}

try {
  await command.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
