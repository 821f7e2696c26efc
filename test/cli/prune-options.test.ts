/** What `filigree prune` refuses, and why: always before any training, in one sentence that says what to do. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommanderError } from "commander";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digitsNetwork } from "../../demo/digits/network.ts";
import { pruneCommand } from "../../pruner/cli/prune.ts";
import { addPruneOptions, type PruneFlags, scheduleOfFlags } from "../../pruner/cli/prune-options.ts";
import { writeNpy } from "../../pruner/data/npy.ts";
import { exportOnnx } from "../../pruner/index.ts";
import { random } from "../../pruner/train/random.ts";
import { tensor } from "../../runtime/model/tensor.ts";

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "filigree-options-"));
  await writeFile(at("net.onnx"), exportOnnx(digitsNetwork(3, { stem: 8, blocks: [16, 32] })));
  const pixels = Float32Array.from({ length: 40 * 784 }, random(1));
  await writeFile(at("x.npy"), writeNpy(tensor([40, 1, 28, 28], pixels)));
  await writeFile(at("small.npy"), writeNpy(tensor([40, 1, 14, 14], pixels.slice(0, 40 * 196))));
  const labels = Int32Array.from({ length: 40 }, (_, i) => i % 10);
  await writeFile(at("y.npy"), writeNpy(tensor([40], labels, "int32")));
  await writeFile(
    at("twelve.npy"),
    writeNpy(
      tensor(
        [40],
        labels.map((_, i) => i % 12),
        "int32",
      ),
    ),
  );
  await writeFile(at("packed.filigree"), "FILIGREE and more");
  await writeFile(at("costs.json"), '{ "filigree": "costs", "version": 2 }');
  const points = [1, 2].map((kept) => ({ kept, microseconds: kept }));
  const costs = { filigree: "costs", version: 1, model: "m", device: "d", pattern: "block:4x4" };
  await writeFile(at("of4x4.json"), JSON.stringify({ ...costs, layers: [{ node: "n", points }] }));
  await writeFile(
    at("other.json"),
    JSON.stringify({ ...costs, pattern: "block:8x4", layers: [{ node: "elsewhere", points }] }),
  );
  await mkdir(at("empty"));
});
afterAll(() => rm(folder, { recursive: true }));

/** The message with which the command ends. */
async function refusal(args: readonly string[]): Promise<string> {
  const command = pruneCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  const files = args.map((arg) => arg.replaceAll("@", `${folder}/`));
  try {
    await command.parseAsync(["--output", at("out.filigree"), ...files], { from: "user" });
  } catch (error) {
    return (error as CommanderError).message;
  }
  throw new Error("it was not refused");
}

const data = ["--data", "@x.npy,@y.npy", "--batch", "16", "--pattern", "8x4"];

test.each([
  // Options that are nonsense by themselves.
  [["@net.onnx", "--sparsity", "1"], "0 ≤ number < 1"],
  [["@net.onnx", "--sparsity", "much"], "expected a number"],
  [["@net.onnx", "--method", "best"], "Allowed choices are smart, pdp"],
  [["@net.onnx", "--pattern", "3by4"], 'pattern "3by4" is not known'],
  [["@net.onnx", "--scope", "network"], "Allowed choices are global, layer"],
  [["@net.onnx", "--budget", "seconds"], "Allowed choices are blocks, weights, macs, latency"],
  [["@net.onnx", ...data, "--epochs", "3+3+3"], "expected SEARCH+FINE-TUNE as in 6+6"],
  [["@net.onnx", ...data, "--epochs", "2.5"], "expected a whole number"],
  [["@net.onnx", ...data, "--learning-rate", "0"], "expected a number > 0"],
  [["@net.onnx", ...data, "--distill", "2"], "0 ≤ weight ≤ 1"],
  [["@net.onnx", ...data, "--tau", "0.1:0.5"], "TO not above FROM"],
  [["@net.onnx", ...data, "--batch", "0"], "expected a whole number ≥ 1"],
  // Options that do not go together.
  [["@net.onnx", "--epochs", "2"], "--epochs is for training, which needs images: give --data"],
  [["@net.onnx", "--checkpoint", "@state"], "--checkpoint is for training"],
  [["@net.onnx", "--method", "smart"], "smart learns its masks from images: give training data"],
  [["@net.onnx", "--budget", "latency"], "--budget latency needs --costs FILE"],
  [["@net.onnx", "--costs", "@costs.json"], "--costs is for --budget latency, not for --budget blocks"],
  [["@net.onnx", "--budget", "macs"], "dimap removes the same part of each module's blocks"],
  [["@net.onnx", ...data, "--method", "pdp", "--penalty", "2"], "--penalty is for pas, not for pdp"],
  [["@net.onnx", ...data, "--method", "pdp", "--tau", "1:0.1"], "give one, as in --tau 1"],
  [["@net.onnx", ...data, "--method", "pdp", "--temperature", "linear"], "is for smart, not for pdp"],
  [["@net.onnx", ...data, "--epochs", "0+4"], "smart searches: --epochs 0+4 gives it no epoch"],
  // Sparsities that the pattern cannot meet.
  [["@net.onnx", "--pattern", "2:4", "--sparsity", "0.7"], "has the sparsity 0.5, not 0.7"],
  [["@net.onnx", "--pattern", "2:4", "--scope", "layer"], "--scope has no say in 2:4: every group"],
  [["@net.onnx", ...data, "--pattern", "1:4", "--start", "norm"], "--start has no say in 1:4"],
  [["@net.onnx", ...data, "--pattern", "1:4", "--mask-rate", "0.1"], "--mask-rate has no say in 1:4"],
  [
    ["@net.onnx", "--method", "magnitude", "--pattern", "2:4", "--budget", "macs"],
    "every group keeps 2",
  ],
  [
    ["@net.onnx", ...data, "--sparsity", "0.95", "--max-sparsity", "0.8"],
    "maxSparsity 0.8 keeps at least",
  ],
  [["@net.onnx", ...data, "--method", "acdc", "--sparsity", "0.99"], "lower the sparsity"],
  [["@net.onnx", "--pattern", "64x64"], "too small for block:64x64"],
  [["@net.onnx", "--exclude", "nosuch*"], "no layer or weight is called 'nosuch*'"],
  // Files.
  [["@nowhere.onnx"], "there is no such file"],
  [["@packed.filigree"], "is packed already"],
  [["@net.onnx", "--onnx", "@nowhere/out.onnx"], "there is no folder"],
  [["@net.onnx", "--html", "@empty"], "is a folder"],
  [["@net.onnx", "--method", "lamp", "--budget", "latency", "--costs", "@no.json"], "no such file"],
  [
    ["@net.onnx", "--method", "lamp", "--budget", "latency", "--costs", "@costs.json"],
    "its version is 2",
  ],
  [["@net.onnx", "--method", "lamp", "--budget", "latency", "--costs", "@net.onnx"], "not JSON"],
  [
    [
      "@net.onnx",
      "--method",
      "lamp",
      "--pattern",
      "8x4",
      "--budget",
      "latency",
      "--costs",
      "@of4x4.json",
    ],
    "the costs are of block:4x4, the pattern is block:8x4",
  ],
  [
    [
      "@net.onnx",
      "--method",
      "lamp",
      "--pattern",
      "8x4",
      "--budget",
      "latency",
      "--costs",
      "@other.json",
    ],
    "no microseconds for the node 'block1.conv1', only for elsewhere",
  ],
  // Data.
  [["@net.onnx", "--data", "@images"], "there is no file or folder"],
  [["@net.onnx", "--data", "@empty"], "nor class folders of JPEG or PNG"],
  [["@net.onnx", ...data, "--data", "@small.npy,@y.npy"], "images are [1,14,14]"],
  [["@net.onnx", ...data, "--data", "@x.npy,@twelve.npy"], "the network has 10 classes, the data 12"],
  [["@net.onnx", ...data, "--batch", "64"], "training images are less than one batch of 64"],
  [["@net.onnx", ...data, "--mean", "1,2,3", "--data", "@t10k.idx,@y.npy"], "there is no file"],
])("%j", async (args, message) => {
  expect(await refusal(args)).toContain(message);
});

test("a temperature without an end falls to the default one", () => {
  const command = addPruneOptions(pruneCommand().createCommand("flags"));
  const flags = command.parse(["-o", "x", "--tau", "0.3"], { from: "user" }).opts<PruneFlags>();
  expect(scheduleOfFlags(flags).search).toEqual({ tauStart: 0.3 });
});

test("the flags become the schedule; what is left out has its default", () => {
  const command = addPruneOptions(pruneCommand().createCommand("flags"));
  const parse = (...args: string[]) =>
    scheduleOfFlags(command.parse(["-o", "x", ...args], { from: "user" }).opts<PruneFlags>());
  expect(
    parse(
      ...["--epochs", "3+5", "--optimizer", "adamw", "--learning-rate", "0.1", "--decay", "step"],
      ...["--warmup", "0.1", "--label-smoothing", "0.05", "--distill", "0.5@3", "--cutout", "8"],
      ...["--shift", "4", "--flip", "--epoch-images", "1000", "--weight-decay", "0", "--tau", "1:0.01"],
    ),
  ).toEqual({
    searchEpochs: 3,
    fineTuneEpochs: 5,
    optimizer: "adamw",
    learningRate: 0.1,
    decay: "step",
    warmup: 0.1,
    labelSmoothing: 0.05,
    distillation: { weight: 0.5, temperature: 3 },
    cutout: 8,
    shift: 4,
    flip: true,
    epochImages: 1000,
    weightDecay: 0,
    search: { tauStart: 1, tauEnd: 0.01 },
  });
});
