/**
 * `npm start`: trains a small residual CNN on real digits, prunes it by SMART and by magnitude, packs it, and runs
 * all of it on held-out digits in a headless Chromium (in Node where there is none). Prints one table; the models and
 * the report go to out/. Options: --json, --threads N, --seed N, --quick (one epoch of everything, to see it work),
 * --readme (the table goes into README.md).
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  type BenchModel,
  type Benchmark,
  benchmark,
  fillMarked,
  markdownTable,
  plainTable,
} from "../pruner/bench/index.ts";
import { exportOnnx, type Graph, writeModel } from "../pruner/index.ts";
import { type DigitsResult, trainDigits } from "./digits/train.ts";
import { progressLine } from "./progress.ts";
import { htmlReport } from "./report/html.ts";
import { type DemoResult, facts, type ResultRow, table } from "./result.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const quickly = { denseEpochs: 1, searchEpochs: 1, fineTuneEpochs: 1 };
/** What the measurement takes, to say how much is left while the training runs. */
const benchSeconds = 40;

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    readme: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    threads: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
  },
});
const started = performance.now();
const progress = progressLine();
const threads = Number(options.threads);

const trained = await trainDigits(
  { seed: Number(options.seed), ...(options.quick && quickly) },
  ({ network, stage, epoch, epochs, fraction, secondsLeft, loss, accuracy }) => {
    const name = network === "dense" ? "training" : `pruning by ${network}`;
    const what = `${name}, ${stage} ${epoch}/${epochs}`;
    const detail = `loss ${loss.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(1)} %`;
    progress.show(what, fraction, secondsLeft + benchSeconds, detail);
  },
);
const models = await writeModels(trained, threads);
const measured = await benchmark(models, samplesOf(trained), {
  rounds: 201,
  classify: true,
  onProgress: (doing, done, total) => {
    const share = { loading: 0, timing: 0.1, classifying: 0.5 }[doing] ?? 0;
    progress.show(`measuring: ${doing}`, done / total, benchSeconds * (1 - share) * (1 - done / total));
  },
});
progress.end();

const result: DemoResult = {
  rows: rowsOf(trained, models, measured),
  smart: trained.smart.report,
  magnitude: trained.magnitude.report,
  place: measured.place,
  threads,
  notes: measured.notes,
  machine: machineOf(measured),
  seconds: (performance.now() - started) / 1000,
};
writeFileSync(`${root}out/report.html`, await htmlReport(result));
if (options.readme) fillReadme(result);
if (options.json) {
  console.log(JSON.stringify(result));
} else {
  console.log(plainTable(table.head, result.rows.map(table.row)));
  for (const fact of facts(result)) console.log(fact);
  console.log("models and report: out/report.html");
}
if (result.rows.some(({ correct, reported }) => correct !== reported)) process.exitCode = 1;

/** Writes every network as a file to out/, and says which engine runs it. The order is that of the table. */
async function writeModels(digits: DigitsResult, threads: number): Promise<BenchModel[]> {
  mkdirSync(`${root}out`, { recursive: true });
  const write = (name: string, bytes: Uint8Array) => {
    writeFileSync(`${root}out/${name}`, bytes);
    return bytes;
  };
  const networks = { dense: digits.dense, SMART: digits.smart.graph, magnitude: digits.magnitude.graph };
  const models: BenchModel[] = [];
  for (const [network, graph] of Object.entries(networks)) {
    const file = `digits-${network.toLowerCase()}`;
    const onnx = write(`${file}.onnx`, exportOnnx(graph, { batch: 1 }));
    const packed = write(`${file}.filigree`, await writeModel(graph));
    const reference = `${network} on onnxruntime-web`;
    models.push(
      { name: reference, kind: "onnxruntime-web", model: onnx, threads, reference },
      { name: `${network} on Filigree`, kind: "filigree", model: packed, threads, reference },
    );
  }
  return models;
}

/** Every held-out digit, one by one. */
function samplesOf({ dense, test: { images } }: DigitsResult) {
  const [count, ...size] = images.shape;
  const pixels = images.data.length / count;
  return Array.from({ length: count }, (_, i) => {
    const data = images.data.subarray(i * pixels, (i + 1) * pixels);
    return { [dense.inputs[0].name]: { dtype: "float32" as const, shape: [1, ...size], data } };
  });
}

function rowsOf(
  digits: DigitsResult,
  models: readonly BenchModel[],
  { comparisons }: Benchmark,
): ResultRow[] {
  const { labels } = digits.test;
  const weights = countWeights(digits.dense);
  const baseline = comparisons[0].timing!.minMs;
  return comparisons.map(({ name, timing, insideMs, maxError, classes }) => {
    const [network, runtime] = name.split(" on ") as [ResultRow["network"], ResultRow["runtime"]];
    const { report } = network === "magnitude" ? digits.magnitude : digits.smart;
    const { before, after } = report.accuracy!;
    const isDense = network === "dense";
    return {
      network,
      runtime,
      correct: classes!.filter((predicted, i) => predicted === labels[i]).length,
      images: labels.length,
      reported: (isDense ? before : after).correct,
      keptWeights: weights - (isDense ? 0 : report.elements.total - report.elements.kept),
      weights,
      fileBytes: models.find((model) => model.name === name)!.model.length,
      timing: timing!,
      insideMs,
      ratio: baseline / timing!.minMs,
      maxError,
    };
  });
}

/** Elements of the weights, biases left out. */
function countWeights(graph: Graph): number {
  const sizes = Array.from(graph.constants.values(), ({ shape }) => (shape.length > 1 ? shape : [0]));
  return sizes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

function machineOf({ userAgent, place }: Benchmark): string {
  const browser = /(?:Headless)?(Chrome|Firefox)\/(\d+)/.exec(userAgent);
  const cores = cpus();
  const where =
    place === "chromium" && browser ? `${browser[1]} ${browser[2]}` : `Node ${process.versions.node}`;
  return `${cores[0]?.model.trim() ?? "unknown processor"}, ${cores.length} cores; ${where}`;
}

/** Between the two marks, and only there: numbers in the README are measured ones. */
function fillReadme(result: DemoResult): void {
  const content = [markdownTable(table.head, result.rows.map(table.row)), facts(result).join(" ")];
  const text = readFileSync(`${root}README.md`, "utf8");
  writeFileSync(`${root}README.md`, fillMarked(text, "npm start", content.join("\n\n")));
}
