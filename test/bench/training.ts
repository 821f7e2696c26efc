/**
 * `npm run bench -- training`: how many images a second `prune` trains, while masks move and while they are held.
 * CIFAR-10 in batches of 128, shifted and mirrored, as the experiments do; the median step, so that a pause is none.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { fillMarked, markdownTable } from "../../pruner/bench/markdown.ts";
import { quantile } from "../../pruner/bench/measure.ts";
import { plainTable } from "../../pruner/bench/rows.ts";
import { numbers, wholeNumber } from "../../pruner/cli/options.ts";
import { type Dataset, type MethodName, prune } from "../../pruner/index.ts";
import type { Stage } from "../../pruner/train/progress.ts";
import { cifar10, type NetworkName, networkFile, networks } from "../experiments/data.ts";
import { setting } from "../experiments/run-cell.ts";
import { hasShared, whyNoShared } from "../shared.ts";

const cases: readonly (readonly [NetworkName, MethodName])[] = [
  ["resnet20", "smart"],
  ["resnet20", "magnitude"],
  ["resnet8", "smart"],
];
const page = fileURLToPath(new URL("../../docs/prune.md", import.meta.url));

interface Options {
  readonly threads: number[];
  readonly steps: number;
  readonly readme?: boolean;
}

export function trainingCommand(): Command {
  return new Command("training")
    .description("images a second while masks are searched and while they are held")
    .option("--threads <list>", "one measurement for each", numbers, [1, 2])
    .option("--steps <n>", "of the search, and as many of fine-tuning", wholeNumber, 40)
    .option("--readme", "write the table into docs/prune.md")
    .action(measureTraining);
}

async function measureTraining({ threads, steps, readme }: Options): Promise<void> {
  if (!hasShared) throw new Error(`the bench of training needs CIFAR-10: ${whyNoShared}`);
  const rows: string[][] = [];
  for (const [network, method] of cases) {
    const train = await cifar10("train", network);
    for (const count of threads) {
      const { search, "fine-tune": held } = await imagesPerSecond(network, method, train, count, steps);
      const text = (rate?: number) => (rate === undefined ? "" : rate.toFixed(0));
      rows.push([networks[network].title, method, `${count}`, text(search), text(held)]);
    }
  }
  const head = ["network", "method", "threads", "images/s in the search", "in fine-tuning"];
  console.log(plainTable(head, rows));
  if (!readme) return;
  const machine = `${cpus()[0].model}, batches of ${setting.batch}, block:16x8 at 70 %:`;
  const content = `${machine}\n\n${markdownTable(head, rows)}`;
  writeFileSync(page, fillMarked(readFileSync(page, "utf8"), "the training bench", content));
}

/** Of each stage that the method has. */
async function imagesPerSecond(
  network: NetworkName,
  method: MethodName,
  train: Dataset,
  threads: number,
  steps: number,
): Promise<Partial<Record<Stage, number>>> {
  const times: Partial<Record<Stage, number[]>> = {};
  let last = performance.now();
  const epochs = { searchEpochs: 1, fineTuneEpochs: 1 };
  await prune(networkFile(network), {
    method,
    pattern: "block:16x8",
    sparsity: 0.7,
    schedule: { ...setting, ...epochs, epochImages: steps * setting.batch },
    keepChannels: true,
    data: { train },
    threads,
    onProgress({ stage }) {
      const now = performance.now();
      (times[stage] ??= []).push(now - last);
      last = now;
    },
  });
  const rates = Object.entries(times).map(([stage, ms]) => [
    stage,
    (1000 * setting.batch) / quantile(ms, 0.5),
  ]);
  return Object.fromEntries(rates);
}
