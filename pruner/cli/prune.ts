/** `filigree prune MODEL -o OUT.filigree`: prune, fine-tune where there is data, and pack. */
import { writeFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { writeModel } from "../../runtime/model/file.ts";
import { split } from "../data/dataset.ts";
import { loadDataset } from "../data/load.ts";
import { maskedOnnx, type PruneOptions, prune } from "../index.ts";
import { type MethodName, methods } from "../methods/index.ts";
import type { Scale } from "../methods/method.ts";
import { readBytes } from "./model.ts";
import { fraction, type GlobalOptions, names, number, numbers, wholeNumber } from "./options.ts";
import { progressDisplay } from "./progress.ts";
import { pruneTable } from "./tables.ts";

interface Options extends GlobalOptions {
  output: string;
  method?: MethodName;
  pattern: string;
  sparsity?: number;
  maxSparsity?: number;
  scale?: Scale;
  keepChannels?: boolean;
  data?: string;
  validation?: string;
  held: number;
  mean?: number[];
  std?: number[];
  epochs?: number;
  searchEpochs?: number;
  batch?: number;
  rate?: number;
  shift?: number;
  include?: string[];
  exclude?: string[];
  seed: number;
  threads?: number;
  onnx?: string;
}

export function pruneCommand(): Command {
  return new Command("prune")
    .description("prune a trained ONNX or TFLite network and store it sparse")
    .argument("<model>")
    .requiredOption("-o, --output <file>", "where the .filigree file goes")
    .addOption(
      new Option(
        "--method <name>",
        "smart, which needs --data; magnitude; or dimap, which spreads the loss over layers and modules",
      ).choices(Object.keys(methods)),
    )
    .addOption(
      new Option(
        "--scale <unit>",
        "how magnitude compares layers: as they are, by sqrt(2 / fan-in), by the layer's own mean square",
      ).choices(["none", "fan-in", "layer"]),
    )
    .option(
      "--pattern <pattern>",
      "block:ROWSxCOLS, N:M, N:MxROWS, channel or unstructured",
      "block:16x8",
    )
    .option(
      "--sparsity <fraction>",
      "fraction of the blocks to remove, of all layers together (default: 0.7)",
      fraction,
    )
    .option("--max-sparsity <fraction>", "of any one layer (default: 0.98)", fraction)
    .option(
      "--data <path>",
      "training images: a folder (MNIST, CIFAR-10), IMAGES,LABELS (idx or .npy) or CIFAR batches",
    )
    .option("--validation <path>", "images to measure the accuracy on, in the same forms")
    .option(
      "--held <fraction>",
      "without --validation: part of the data that is held out for it",
      fraction,
      0.1,
    )
    .option("--mean <list>", "of each channel, subtracted from byte / 255", numbers)
    .option("--std <list>", "of each channel, divided by after that", numbers)
    .option("--epochs <n>", "of search and fine-tuning together (default: 12)", wholeNumber)
    .option("--search-epochs <n>", "of those, how many are search (default: half)", wholeNumber)
    .option("--batch <n>", "images a step (default: 64)", wholeNumber)
    .option("--rate <number>", "learning rate at the start of a stage (default: 0.01)", number)
    .option("--shift <pixels>", "move training images by up to so many pixels", wholeNumber)
    .option("--include <names>", "nodes or weights to prune though they would be left out; a*b", names)
    .option("--exclude <names>", "nodes or weights to leave dense; a*b stands for all such names", names)
    .option("--keep-channels", "leave channels that are dead, or become so")
    .option("--seed <n>", "the same seed gives the same result", wholeNumber, 0)
    .option("--threads <n>", "for training (default: all)", wholeNumber)
    .option("--onnx <file>", "also write dense ONNX with zeros, to compare with other runtimes")
    .action(async (model: string, _: unknown, command: Command) =>
      run(model, command.optsWithGlobals()),
    );
}

async function run(path: string, options: Options): Promise<void> {
  const bytes = await readBytes(path);
  const display = progressDisplay(options.quiet);
  const { graph, report } = await prune(bytes, {
    ...options,
    data: await dataOf(options),
    schedule: scheduleOf(options),
    onProgress: display.onProgress,
  }).finally(display.stop);
  const file = await writeModel(graph, { report });
  await writeFile(options.output, file);
  if (options.onnx) await writeFile(options.onnx, maskedOnnx(graph));
  if (options.json) {
    console.log(JSON.stringify({ ...report, file: options.output, fileBytes: file.length }));
  } else if (!options.quiet) {
    console.log(pruneTable(report));
    console.log(`${options.output}: ${file.length} bytes (${path}: ${bytes.length})`);
  }
}

async function dataOf({
  data,
  validation,
  held,
  seed,
  ...scaling
}: Options): Promise<PruneOptions["data"]> {
  const tests = validation ? await loadDataset(validation, scaling, "test") : undefined;
  if (!data) return { validation: tests };
  const all = await loadDataset(data, scaling);
  if (tests) return { train: all, validation: tests };
  const [train, rest] = split(all, Math.max(1, Math.floor(held * all.labels.length)), seed);
  return { train, validation: rest };
}

function scheduleOf(options: Options): PruneOptions["schedule"] {
  const { epochs = 12, searchEpochs = Math.floor(epochs / 2), batch, rate, shift } = options;
  return {
    searchEpochs,
    fineTuneEpochs: Math.max(0, epochs - searchEpochs),
    ...(batch !== undefined && { batch }),
    ...(rate !== undefined && { learningRate: rate }),
    ...(shift !== undefined && { shift }),
  };
}
