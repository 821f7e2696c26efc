/**
 * `npm run parity`: every model of the data pack and every network of the zoo, dense and pruned, on every backend,
 * against ONNX Runtime on the same weights; and what each model is for, measured on real data. Fails where an output
 * is farther from ONNX Runtime's than a thousandth of its range, or a figure is not the published one.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { fillMarked, markdownTable } from "../../pruner/bench/markdown.ts";
import { plainTable } from "../../pruner/bench/rows.ts";
import { hasShared, whyNoShared } from "../shared.ts";
import { checkModel, tolerance } from "./check.ts";
import { type ParityModel, parityModels } from "./models.ts";
import { offerThreads } from "./node-threads.ts";
import { onnxTests } from "./onnx-tests.ts";
import type { ParityRow } from "./row.ts";
import { backendNames, runnersFor, secondsOfModel } from "./runners.ts";
import { progressLine } from "./schedule.ts";
import { parityTable, shortTable } from "./table.ts";
import { type VariantName, variants } from "./variants.ts";

const help = `npm run parity -- [options]

Every model of the data pack ../shared/data and every network of the zoo, dense and pruned, against ONNX Runtime on the
same weights, and what each model is for, measured on real data. Exit code 1 where an output is farther from ONNX
Runtime's than ${tolerance} of its range, or a figure is not the published one.

  --models A,B      only models whose name holds one of these: cifar10/resnet20,zoo/
  --variants A,B    of dense, 16x8, 2:4, unstructured, and packed for files with zeros; all by default
  --backends A,B    of reference, wasm, chromium, all by default, chromium for some models; and webgpu, where there is one
  --threads A,B     of the wasm backend; by default 1,2
  --quick           few variants, few samples: minutes
  --full            every sample of every task, every variant on the reference backend: hours
  --json FILE       the rows, written as they come
  --from A,B        runs nothing: takes the rows of these files, a later one in the place of an earlier
  --readme          writes a short table into README.md
  --onnx-tests      ONNX's own tests of operators instead, on both backends
`;

const options = {
  models: { type: "string" },
  variants: { type: "string" },
  backends: { type: "string" },
  backend: { type: "string" },
  threads: { type: "string", default: "1,2" },
  json: { type: "string" },
  from: { type: "string" },
  readme: { type: "boolean", default: false },
  quick: { type: "boolean", default: false },
  full: { type: "boolean", default: false },
  "onnx-tests": { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

try {
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(help);
    process.exit();
  }
  setFlagsFromString("--experimental-wasm-relaxed-simd"); // Node 20 has it behind this flag; browsers have it
  const ok = values["onnx-tests"] ? await onnxTests(values.json) : await parity(values);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

type Options = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

/** Whether every row is right. */
async function parity(values: Options): Promise<boolean> {
  const rows: ParityRow[] = values.from
    ? latest(values.from.split(",").flatMap((file) => JSON.parse(readFileSync(file, "utf8"))))
    : await checkAll(values);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
  const { head, cells } = parityTable(rows);
  console.log(plainTable(head, cells));
  const wrong = rows.filter(({ ok }) => !ok);
  for (const line of new Set(wrong.map(failureOf))) console.log(line);
  console.log(`${rows.length - wrong.length} of ${rows.length} rows are right`);
  const missing = values.models
    ? []
    : parityModels().filter(({ name }) => !rows.some((r) => r.model === name));
  if (missing.length) console.log(`no row: ${missing.map(({ name }) => name).join(", ")}`);
  if (values.readme) fillReadme(rows);
  return rows.length > 0 && wrong.length === 0;
}

/** One row each model, variant, backend and number of threads: the last, in the order of the models. */
function latest(rows: readonly ParityRow[]): ParityRow[] {
  const keyOf = (row: ParityRow) => [row.model, row.variant, row.backend, row.threads].join();
  const unique = [...new Map(rows.map((row) => [keyOf(row), row])).values()];
  const names = parityModels().map(({ name }) => name);
  const ranks = (row: ParityRow) => [
    names.indexOf(row.model),
    Object.keys(variants).indexOf(row.variant),
    backendNames.indexOf(row.backend as (typeof backendNames)[number]),
    row.threads,
  ];
  return unique.sort((a, b) => {
    const other = ranks(b);
    return (
      ranks(a)
        .map((rank, i) => rank - other[i])
        .find((difference) => difference !== 0) ?? 0
    );
  });
}

async function checkAll(values: Options): Promise<ParityRow[]> {
  if (!hasShared) console.log(`only the zoo: ${whyNoShared}`);
  const models = chosen(values.models, parityModels());
  const variantNames = namesOf(values.variants, Object.keys(variants) as VariantName[], (name) =>
    values.quick ? name === "dense" || name === "16x8" || name === "packed" : true,
  );
  const threads = values.threads.split(",").map(Number);
  if (!threads.every((count) => count >= 1))
    throw new Error(`--threads ${values.threads}: expected 1,2`);
  const asked = values.backends ?? values.backend;
  const backends = asked === undefined ? undefined : namesOf(asked, backendNames);
  const effort = values.full ? "full" : values.quick ? "quick" : "usual";
  offerThreads();
  const work = models.map((model) => {
    const runners = runnersFor(model, { backends, threads, effort });
    const own = variantNames.filter((name) => model.isSparse || !("onlySparse" in variants[name]));
    return { model, runners, variants: own, seconds: secondsOfModel(model, runners, own.length) };
  });
  const progress = progressLine(work.reduce((sum, { seconds }) => sum + seconds, 0));
  const rows: ParityRow[] = [];
  const leftOut: string[] = [];
  const told = new Set<string>();
  for (const { model, runners, variants, seconds } of work) {
    const count = runners.length * variants.length;
    progress.show(model.name);
    for await (const row of checkModel(model, variants, runners)) {
      rows.push(row);
      progress.done(seconds / count);
      if (!row.ok && !told.has(whyWrong(row))) console.error(`wrong: ${failureOf(row)}`);
      told.add(whyWrong(row));
      progress.show(`${row.model} ${row.variant} on ${row.backend}`);
    }
    if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
    for (const { variants: taken } of runners) {
      const left = taken ? variants.filter((name) => !taken.includes(name)) : [];
      if (left.length) leftOut.push(`${model.name} ${left.join(", ")}`);
    }
  }
  progress.stop();
  if (leftOut.length) console.log(`not run as plain loops, which take long: ${leftOut.join("; ")}`);
  return rows;
}

function fillReadme(rows: readonly ParityRow[]): void {
  const { head, cells } = shortTable(rows);
  const right = rows.filter(({ ok }) => ok).length;
  const unrun = parityModels().filter((model) => {
    return !rows.some((row) => row.model === model.name && row.backend === "reference");
  });
  const left = unrun.map((model) => `${model.name} (${(model.gflops() / 2).toFixed(1)})`).join(", ");
  const content = `${markdownTable(head, cells)}

${right} of ${rows.length} rows are right. A column counts the runs on a backend; plain loops, the reference, take long:
of large networks they run fewer kinds of weights, networks of the zoo with smaller images${left && `, and not these (GMACs): ${left}`}.`;
  const path = fileURLToPath(new URL("../../README.md", import.meta.url));
  writeFileSync(path, fillMarked(readFileSync(path, "utf8"), "parity", content));
}

/** Those whose names hold one of the parts. */
function chosen(parts: string | undefined, models: ParityModel[]): ParityModel[] {
  if (parts === undefined) return models;
  const found = models.filter(({ name }) => parts.split(",").some((part) => name.includes(part)));
  if (!found.length) {
    throw new Error(`no model is like "${parts}"; there are: ${models.map(({ name }) => name).join()}`);
  }
  return found;
}

function namesOf<Name extends string>(
  list: string | undefined,
  known: readonly Name[],
  isUsual: (name: Name) => boolean = () => true,
): Name[] {
  if (list === undefined) return known.filter(isUsual);
  return list.split(",").map((asked) => {
    const name = known.find((candidate) => candidate === asked);
    if (!name) throw new Error(`"${asked}" is not known; there are: ${known.join(", ")}`);
    return name;
  });
}

function failureOf(row: ParityRow): string {
  const { model, variant, backend, threads } = row;
  const where = row.maxRelError === null ? model : `${model} ${variant} on ${backend} x${threads}`;
  return `${where}: ${whyWrong(row)}`;
}

function whyWrong({ maxRelError, note, ...row }: ParityRow): string {
  const figures = [row, ...(row.others ?? [])]
    .filter(({ task, expected }) => task !== expected)
    .map(({ figure, task, expected }) => `${figure}: ${task} instead of ${expected}`);
  const error =
    maxRelError === null ? "" : `error ${maxRelError.toExponential(1)} (at most ${tolerance})`;
  return [error, ...figures, note?.slice(0, 200)].filter(Boolean).join("; ");
}
