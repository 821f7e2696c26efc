/**
 * `filigree bench FILE`: milliseconds of a model against the dense network, in headless Chromium where there is one; with
 * --data its accuracy there; with --costs what blocks of its layers cost instead.
 */
import { writeFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { ModelError } from "../../runtime/model/errors.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { measureCosts } from "../bench/costs.ts";
import type { Tensors } from "../bench/engine.ts";
import { type BenchModel, type BenchOptions, benchmark } from "../bench/index.ts";
import { benchRows, benchTable, plainTable } from "../bench/rows.ts";
import { randomSamples } from "../bench/samples.ts";
import type { ImageSize } from "../data/class-folders.ts";
import { type Dataset, first } from "../data/dataset.ts";
import { loadDataset } from "../data/load.ts";
import { exportOnnx } from "../export/onnx.ts";
import { costTable } from "../methods/costs.ts";
import { pack } from "../pack.ts";
import { imageSize, openModel } from "./model.ts";
import { count, type GlobalOptions, names, numbers, wholeNumber } from "./options.ts";
import { checkWritable } from "./outputs.ts";

interface Options extends GlobalOptions {
  against?: string;
  threads: number[];
  rounds: number;
  place: NonNullable<BenchOptions["place"]>;
  seed: number;
  data?: string;
  mean?: number[];
  std?: number[];
  images?: number;
  costs?: string;
  pattern: string;
  densities?: number[];
  include?: string[];
  exclude?: string[];
}

export function benchCommand(): Command {
  return new Command("bench")
    .description("time a model against the dense network on onnxruntime-web and on Filigree")
    .argument("<file>", "a .filigree, .onnx or .tflite model")
    .optionsGroup("Timing:")
    .option("--against <file>", "the dense network, to compare with")
    .option("--threads <list>", "one measurement for each", numbers, [1])
    .option("--rounds <n>", "samples of each engine, taken by turns", wholeNumber, 15)
    .addOption(
      new Option("--place <name>", "auto: Chromium where it is found")
        .choices(["auto", "chromium", "node"])
        .default("auto"),
    )
    .option("--seed <n>", "of the random inputs", wholeNumber, 0)
    .optionsGroup("Accuracy:")
    .option(
      "--data <path>",
      "labelled images to classify: the accuracy of each engine; forms: filigree data --help",
    )
    .option("--mean <list>", "of each channel, subtracted from byte / 255 (default: 0)", numbers)
    .option("--std <list>", "of each channel, divided by after that (default: 1)", numbers)
    .option("--images <n>", "only the first so many of them", count)
    .optionsGroup("Costs:")
    .option("--costs <file>", "instead, time the layers at several densities and write what blocks cost")
    .option("--pattern <pattern>", "whose blocks", "block:16x8")
    .option(
      "--densities <list>",
      "fractions of the blocks that stay (default: 0.9,0.6,0.35,0.15)",
      numbers,
    )
    .option("--include <names>", "as for filigree prune", names)
    .option("--exclude <names>", "as for filigree prune", names)
    .optionsGroup("Help:")
    .action((file: string, _: unknown, command: Command) => {
      const options: Options = command.optsWithGlobals();
      return options.costs === undefined ? run(file, options) : runCosts(file, options.costs, options);
    });
}

async function run(path: string, options: Options): Promise<void> {
  const { against, threads, rounds, place, seed, json, quiet, data } = options;
  if (rounds < 1) throw new ModelError("--rounds 0 measures nothing; give at least 1");
  const { graph } = await openModel(path);
  const images = data === undefined ? undefined : await imagesOf(data, options, imageSize(graph));
  const samples = images ? samplesOf(graph, images) : randomSamples(closed(graph), seed);
  const dense = against ? (await openModel(against)).graph : graph;
  const results = [];
  for (const count of threads) {
    const { comparisons, ...measured } = await benchmark(await modelsOf(graph, dense, count), samples, {
      place,
      rounds,
      classify: images !== undefined,
      onProgress: quiet ? undefined : showProgress,
    });
    const rows = benchRows({ comparisons }, "onnxruntime-web").map((row, i) => ({
      ...row,
      ...(images && accuracyOf(comparisons[i].classes!, images)),
    }));
    results.push({ threads: count, ...measured, rows });
    if (json) continue;
    for (const note of measured.notes) console.log(note);
    console.log(`${path}, ${count} ${count > 1 ? "threads" : "thread"}, ${measured.place}`);
    console.log(benchTable(rows));
    for (const { engine, correct, images } of rows as Partial<Accuracy & { engine: string }>[]) {
      if (images)
        console.log(
          `${engine}: ${correct} of ${images} right, ${((100 * correct!) / images).toFixed(2)} %`,
        );
    }
  }
  if (json) console.log(JSON.stringify(results));
}

async function runCosts(path: string, output: string, options: Options): Promise<void> {
  const { pattern, densities, rounds, threads, place, seed, json, quiet, include, exclude } = options;
  await checkWritable(output);
  const { graph } = await openModel(path);
  const { file, measured } = await measureCosts(graph, {
    pattern: parsePattern(pattern),
    densities,
    rounds,
    threads: threads[0],
    place,
    seed,
    include,
    exclude,
    onProgress: quiet ? undefined : showProgress,
  });
  await writeFile(output, `${JSON.stringify(file, undefined, 1)}\n`);
  if (json) return console.log(JSON.stringify({ file: output, ...measured, costs: file }));
  if (quiet) return;
  for (const note of measured.notes) console.log(note);
  const { microseconds } = costTable(file);
  const rows = file.layers.map(({ node, points }) => {
    const all = points.map(({ kept, microseconds }) => `${kept}: ${microseconds.toFixed(1)}`);
    return [node, all.join(", "), microseconds[node].toFixed(3)];
  });
  console.log(plainTable(["layer", "kept blocks: µs", "µs a block"], rows));
  console.log(
    `${output}: ${file.pattern} on ${file.device}; for filigree prune --budget latency --costs ${output}`,
  );
}

interface Accuracy {
  readonly correct: number;
  readonly images: number;
}

function accuracyOf(classes: readonly number[], { labels }: Dataset): Accuracy {
  return { correct: classes.filter((found, i) => found === labels[i]).length, images: labels.length };
}

async function imagesOf(
  path: string,
  { mean, std, images = Infinity }: Options,
  size?: ImageSize,
): Promise<Dataset> {
  const all = await loadDataset(path, { mean, std }, "test", size);
  return images < all.labels.length ? first(all, images) : all;
}

/** Image by image, as the network takes them. */
function samplesOf(graph: Graph, { images: { shape, data } }: Dataset): Tensors[] {
  const [{ name, shape: wanted }] = closed(graph).inputs;
  const one = [1, ...shape.slice(1)];
  if (graph.inputs.length !== 1 || one.some((size, axis) => size !== wanted[axis])) {
    throw new ModelError(`the network takes ${name} [${wanted}], the images are [${one}]`);
  }
  const size = data.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => {
    return { [name]: tensor(one, data.slice(i * size, (i + 1) * size)) };
  });
}

/**
 * The model on Filigree, and onnxruntime-web on what it is compared with: the dense network, which Filigree runs too;
 * and the model itself with its zeros written out, whose outputs are expected, and whose time shows what zeros alone
 * are worth.
 */
async function modelsOf(graph: Graph, dense: Graph, threads: number): Promise<BenchModel[]> {
  const onnxruntime = (name: string, network: Graph): BenchModel => {
    return {
      name,
      kind: "onnxruntime-web",
      model: exportOnnx(closed(network)),
      threads,
      reference: name,
    };
  };
  const filigree = async (name: string, network: Graph, reference: string): Promise<BenchModel> => {
    return { name, kind: "filigree", model: await writeModel(network), threads, reference };
  };
  if (dense === graph) {
    const reference = "onnxruntime-web";
    // Zeros that other tools left count too.
    return [onnxruntime(reference, graph), await filigree("filigree", pack(graph).graph, reference)];
  }
  return [
    onnxruntime("onnxruntime-web", dense),
    await filigree("filigree-dense", dense, "onnxruntime-web"),
    onnxruntime("onnxruntime-web-pruned", graph),
    await filigree("filigree", graph, "onnxruntime-web-pruned"),
  ];
}

/** Known sizes give ONNX Runtime its best chance to optimise. */
function closed(graph: Graph): Graph {
  return plan(graph).graph;
}

function showProgress(doing: string, done: number, total: number): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\r${doing} ${done}/${total}   ${done === total ? "\r" : ""}`);
}
