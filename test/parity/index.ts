/**
 * `npm run parity`: every model of the data pack and every network of the zoo, dense and pruned, on every backend,
 * against ONNX Runtime on the same weights; and what each model is for, measured on real data. Fails where an output
 * is farther from ONNX Runtime's than a thousandth of its range, or a figure is not the published one.
 *
 *   --models A,B        only models whose name holds one of these     --variants dense,16x8,2:4,unstructured,packed
 *   --backends A,B      of reference, wasm, chromium                  --threads 1,2
 *   --json FILE         rows as they come                             --readme          the summary goes into README.md
 *   --quick             few variants, few samples: minutes            --full            every sample of every task
 *   --onnx-tests        ONNX's own tests of operators instead
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { findChromium } from "../../pruner/bench/chromium.ts";
import { plainTable } from "../../pruner/bench/rows.ts";
import { hasShared, whyNoShared } from "../shared.ts";
import { type BackendName, checkModel, type Runner, tolerance } from "./check.ts";
import { type ParityModel, parityModels } from "./models.ts";
import { offerThreads } from "./node-threads.ts";
import { onnxTests } from "./onnx-tests.ts";
import type { ParityRow } from "./row.ts";
import { progressLine, secondsOf } from "./schedule.ts";
import { parityTable } from "./table.ts";
import { type VariantName, variants } from "./variants.ts";

const options = {
  models: { type: "string" },
  variants: { type: "string" },
  backends: { type: "string" },
  threads: { type: "string", default: "1,2" },
  json: { type: "string" },
  quick: { type: "boolean", default: false },
  full: { type: "boolean", default: false },
  "onnx-tests": { type: "boolean", default: false },
} as const;

/** Work on a task, in GFLOP: plain loops do less than one in a second, wasm tens. */
const taskGflops = {
  usual: { reference: 4, first: 3000, second: 300 },
  quick: { reference: 0.5, first: 40, second: 10 },
  full: { reference: 4, first: Infinity, second: Infinity },
};

/** What Chromium runs where nothing else is asked for: it takes the same kernels, and seconds to start. */
const inChromium = [
  "cifar10/resnet20",
  "cifar10/mobilevit_xxs_64",
  "coco/yolov5n_640.AGPL",
  "segmentation/espnet_p2q8_camvid",
  "sparse/face_detection_full_range_sparse",
  "zoo/deit-tiny",
];

try {
  const { values } = parseArgs({ options });
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
  if (!hasShared) console.log(`only the zoo: ${whyNoShared}`);
  const models = chosen(values.models, parityModels());
  const variantNames = namesOf(values.variants, Object.keys(variants) as VariantName[], (name) =>
    values.quick ? name === "dense" || name === "16x8" || name === "packed" : true,
  );
  offerThreads();
  const work = models.map((model) => {
    const runners = runnersFor(model, values);
    const own = variantNames.filter((name) => model.isSparse || !("onlySparse" in variants[name]));
    return { model, runners, variants: own, seconds: secondsOfModel(model, runners, own.length) };
  });
  const progress = progressLine(work.reduce((sum, { seconds }) => sum + seconds, 0));
  const rows: ParityRow[] = [];
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
  }
  progress.stop();
  const { head, cells } = parityTable(rows);
  console.log(plainTable(head, cells));
  const wrong = rows.filter(({ ok }) => !ok);
  for (const line of new Set(wrong.map(failureOf))) console.log(line);
  console.log(`${rows.length - wrong.length} of ${rows.length} rows are right`);
  return rows.length > 0 && wrong.length === 0;
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
  isUsual: (name: Name) => boolean,
): Name[] {
  if (list === undefined) return known.filter(isUsual);
  return list.split(",").map((asked) => {
    const name = known.find((candidate) => candidate === asked);
    if (!name) throw new Error(`"${asked}" is not known; there are: ${known.join(", ")}`);
    return name;
  });
}

function runnersFor({ name }: ParityModel, values: Options): Runner[] {
  const known: BackendName[] = ["reference", "wasm", "chromium"];
  const backends = namesOf(
    values.backends,
    known,
    (backend) => backend !== "chromium" || (inChromium.includes(name) && findChromium() !== undefined),
  );
  const threads = values.threads.split(",").map(Number);
  if (!threads.every((count) => count >= 1))
    throw new Error(`--threads ${values.threads}: expected 1,2`);
  const budget = taskGflops[values.full ? "full" : values.quick ? "quick" : "usual"];
  return backends.flatMap((backend): Runner[] => {
    if (backend === "reference") return [{ backend, threads: 1, taskGflops: budget.reference }];
    if (backend === "chromium") {
      return [{ backend, threads: Math.max(...threads), taskGflops: 0 }];
    }
    return threads.map((count, i) => {
      return { backend, threads: count, taskGflops: i === 0 ? budget.first : budget.second };
    });
  });
}

function secondsOfModel(model: ParityModel, runners: readonly Runner[], variantCount: number): number {
  let gflops = 1;
  try {
    gflops = model.gflops();
  } catch {
    // It cannot be imported: its rows will say so.
  }
  return runners.reduce((sum, { backend, taskGflops }) => {
    const isSmall = backend === "reference" && model.loadSmall;
    const runs = variantCount * secondsOf(backend, (isSmall ? 0.1 : 1) * 2 * gflops);
    const task = model.task ? secondsOf(backend, Math.min(taskGflops, 10_000 * gflops)) : 0;
    return sum + runs + task;
  }, 0);
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
