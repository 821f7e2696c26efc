/** `filigree bench FILE`: milliseconds of a model against the dense network, in headless Chromium where there is one. */
import { Command, Option } from "commander";
import { ModelError } from "../../runtime/model/errors.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { type Shape, sizeOf, tensor, zeros } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import type { Tensors } from "../bench/engine.ts";
import { type BenchModel, type BenchOptions, benchmark } from "../bench/index.ts";
import { benchRows, benchTable } from "../bench/rows.ts";
import { exportOnnx } from "../export/onnx.ts";
import { pack } from "../pack.ts";
import { random } from "../train/random.ts";
import { openModel } from "./model.ts";
import { type GlobalOptions, numbers, wholeNumber } from "./options.ts";

/** Different inputs that the calls take by turns. */
const sampleCount = 8;

interface Options extends GlobalOptions {
  against?: string;
  threads: number[];
  rounds: number;
  place: NonNullable<BenchOptions["place"]>;
  seed: number;
}

export function benchCommand(): Command {
  return new Command("bench")
    .description("time a model against the dense network on onnxruntime-web and on Filigree")
    .argument("<file>", "a .filigree, .onnx or .tflite model")
    .option("--against <file>", "the dense network, to compare with")
    .option("--threads <list>", "one measurement for each", numbers, [1])
    .option("--rounds <n>", "samples of each engine, taken by turns", wholeNumber, 15)
    .addOption(
      new Option("--place <name>", "auto: Chromium where it is found")
        .choices(["auto", "chromium", "node"])
        .default("auto"),
    )
    .option("--seed <n>", "of the random inputs", wholeNumber, 0)
    .action((file: string, _: unknown, command: Command) => run(file, command.optsWithGlobals()));
}

async function run(path: string, options: Options): Promise<void> {
  const { against, threads, rounds, place, seed, json, quiet } = options;
  if (rounds < 1) throw new ModelError("--rounds 0 measures nothing; give at least 1");
  const { graph } = await openModel(path);
  const samples = randomSamples(graph, seed);
  const dense = against ? (await openModel(against)).graph : graph;
  const results = [];
  for (const count of threads) {
    const { comparisons, ...measured } = await benchmark(await modelsOf(graph, dense, count), samples, {
      place,
      rounds,
      onProgress: quiet ? undefined : showProgress,
    });
    const rows = benchRows({ comparisons }, "onnxruntime-web");
    results.push({ threads: count, ...measured, rows });
    if (json) continue;
    for (const note of measured.notes) console.log(note);
    console.log(`${path}, ${count} ${count > 1 ? "threads" : "thread"}, ${measured.place}`);
    console.log(benchTable(rows));
  }
  if (json) console.log(JSON.stringify(results));
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

/** Values in [0, 1); integers are zero. */
function randomSamples(graph: Graph, seed: number): Tensors[] {
  const uniform = random(seed);
  return Array.from({ length: sampleCount }, () => {
    const sample = closed(graph).inputs.map(({ name, dtype, shape }) => {
      const sizes = shape as Shape;
      if (dtype !== "float32") return [name, zeros(sizes, dtype)];
      return [name, tensor(sizes, Float32Array.from({ length: sizeOf(sizes) }, uniform))];
    });
    return Object.fromEntries(sample);
  });
}

function showProgress(doing: string, done: number, total: number): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\r${doing} ${done}/${total}   ${done === total ? "\r" : ""}`);
}
