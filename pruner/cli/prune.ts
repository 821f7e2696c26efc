/** `filigree prune MODEL -o OUT.filigree`: prune, fine-tune where there is data, and pack. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { Command } from "commander";
import { ModelError } from "../../runtime/model/errors.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { ImageSize } from "../data/class-folders.ts";
import { split } from "../data/dataset.ts";
import { loadDataset } from "../data/load.ts";
import { isModule, lossOfModule } from "../data/user-module.ts";
import { exportOnnx, type PruneOptions, prune } from "../index.ts";
import { type Budget, readCosts } from "../methods/costs.ts";
import { checkpointFolder } from "../train/checkpoint-folder.ts";
import { openLog } from "./log.ts";
import { imageSize, importFile } from "./model.ts";
import { checkWritable } from "./outputs.ts";
import { progressDisplay } from "./progress.ts";
import {
  addPruneOptions,
  checkFlags,
  maskOptionsOfFlags,
  type PruneFlags,
  scheduleOfFlags,
} from "./prune-options.ts";
import { pruneTable } from "./tables.ts";

const examples = `
Examples:
  $ filigree prune model.onnx -o model.filigree --sparsity 0.5
  $ filigree prune model.onnx -o model.filigree --data images/ --flip --shift 4 --epochs 6+6 --html report.html
  $ filigree bench model.onnx --costs phone.json
  $ filigree prune model.onnx -o model.filigree --data images/ --budget latency --costs phone.json
`;

export function pruneCommand(): Command {
  const command = new Command("prune")
    .description("prune a trained ONNX or TFLite network and store it sparse")
    .argument("<model>");
  return addPruneOptions(command)
    .addHelpText("after", examples)
    .action(async (model: string, _: unknown, command: Command) =>
      run(model, command.optsWithGlobals()),
    );
}

async function run(path: string, flags: PruneFlags): Promise<void> {
  checkFlags(flags);
  const { output, onnx, html, log: logFile, seed, threads, checkpoint, json, quiet } = flags;
  for (const file of [output, onnx, html, logFile]) if (file) await checkWritable(file);
  // Now, where they are missing it is known before the training.
  const { htmlOfPruning } = html ? await import("../report-page/index.ts") : {};
  await htmlOfPruning?.check();
  const { graph: source, bytes } = await importFile(path);
  const budget = await budgetOf(flags);
  const data = await dataOf(flags, imageSize(source));
  const loss = flags.data && isModule(flags.data) ? await lossOfModule(flags.data) : undefined;

  const log = await openLog(logFile, checkpoint !== undefined && existsSync(checkpoint));
  const display = progressDisplay(quiet);
  log.write({ event: "start", model: path, flags });
  const { graph, report } = await prune(source, {
    ...maskOptionsOfFlags(flags),
    budget,
    data,
    loss,
    schedule: scheduleOfFlags(flags),
    seed,
    threads,
    checkpoint: checkpoint ? checkpointFolder(checkpoint) : undefined,
    onProgress(progress) {
      display.onProgress?.(progress);
      log.step(progress);
    },
  })
    .catch((error: Error) => {
      log.write({ event: "error", message: error.message });
      throw error;
    })
    .finally(display.stop);
  const file = await writeModel(graph, { report });
  await writeFile(output, file);
  if (onnx) await writeFile(onnx, exportOnnx(graph));
  if (html)
    await writeFile(
      html,
      await htmlOfPruning!.page(report, { modelBytes: bytes, fileBytes: file.length }),
    );
  log.write({ event: "end", report, file: output, fileBytes: file.length });
  await log.close();
  if (json) {
    console.log(JSON.stringify({ ...report, file: output, fileBytes: file.length }));
  } else if (!quiet) {
    console.log(pruneTable(report));
    console.log(`${output}: ${file.length} bytes (${path}: ${bytes})`);
    if (html) console.log(`${html}: the report`);
  }
}

async function budgetOf({ budget, costs }: PruneFlags): Promise<Budget> {
  if (budget !== "latency") return budget;
  const text = await readFile(costs!, "utf8").catch(() => {
    throw new ModelError(
      `--costs ${costs}: there is no such file; filigree bench MODEL --costs FILE writes one`,
    );
  });
  return readCosts(text, costs!);
}

async function dataOf(
  { data, validation, held, seed, mean, std }: PruneFlags,
  size?: ImageSize,
): Promise<PruneOptions["data"]> {
  const scaling = { mean, std };
  const tests = validation ? await loadDataset(validation, scaling, "test", size) : undefined;
  if (!data) return { validation: tests };
  const all = await loadDataset(data, scaling, "train", size);
  if (tests) return { train: all, validation: tests };
  const count = all.labels.length;
  const out = Math.max(1, Math.floor(held * count));
  if (out >= count)
    throw new ModelError(`${data}: ${count} image is not enough: one is held out, none is left`);
  const [train, rest] = split(all, out, seed);
  return { train, validation: rest };
}
