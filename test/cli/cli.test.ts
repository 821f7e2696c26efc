/** The command line as a user runs it, in a process of its own. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digitsNetwork } from "../../demo/digits/network.ts";
import { writeNpy } from "../../pruner/data/npy.ts";
import { exportOnnx, exportTflite } from "../../pruner/index.ts";
import { random } from "../../pruner/train/random.ts";
import { tensor } from "../../runtime/model/tensor.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;
const at = (name: string) => join(folder, name);

/** stdout and stderr are no terminals here. */
function filigree(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ["--import", "tsx", join(root, "pruner/cli.ts"), ...args],
      { cwd: root, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "filigree-cli-"));
  const network = digitsNetwork(3, { stem: 8, blocks: [16, 32] });
  await writeFile(at("net.onnx"), exportOnnx(network));
  await writeFile(at("net.tflite"), exportTflite(network));
  const uniform = random(1);
  const images = Float32Array.from({ length: 96 * 784 }, uniform);
  const labels = Int32Array.from({ length: 96 }, () => Math.floor(10 * uniform()));
  await writeFile(at("x.npy"), writeNpy(tensor([96, 1, 28, 28], images)));
  await writeFile(at("y.npy"), writeNpy(tensor([96], labels, "int32")));
  await writeFile(at("one.npy"), writeNpy(tensor([1, 1, 28, 28], images.slice(0, 784))));
  await writeFile(at("broken.filigree"), (await readFile(at("net.onnx"))).subarray(0, 100));
});
afterAll(() => rm(folder, { recursive: true }));

test("prune, inspect and run: a network goes through, and both backends agree on its outputs", async () => {
  const data = ["--data", `${at("x.npy")},${at("y.npy")}`, "--batch", "32", "--epochs", "2"];
  const pruned = await filigree(
    "prune",
    at("net.onnx"),
    "-o",
    at("net.filigree"),
    "--pattern",
    "8x4",
    ...data,
    "--onnx",
    at("masked.onnx"),
    "--json",
  );
  expect(pruned.code, pruned.stderr).toBe(0);
  const report = JSON.parse(pruned.stdout);
  expect(report).toMatchObject({ method: "smart", pattern: "block:8x4", sparsity: 0.7 });
  expect(report.blocks.kept).toBe(report.blocks.asked);
  expect(report.search.epochs).toHaveLength(2);
  expect(report.fileBytes).toBe((await readFile(at("net.filigree"))).length);
  expect(pruned.stderr).toContain("left");

  const inspected = await filigree("inspect", at("net.filigree"));
  expect(inspected.stdout).toContain("block:8x4");
  expect(inspected.stdout).toContain("hashes: all match");

  const outputs = await Promise.all(
    ["wasm", "reference"].map(async (backend) => {
      const run = await filigree(
        "run",
        at("net.filigree"),
        "--input",
        at("one.npy"),
        "--backend",
        backend,
        "--json",
      );
      expect(run.code, run.stderr).toBe(0);
      return Object.values(JSON.parse(run.stdout).outputs as Record<string, { data: number[] }>)[0].data;
    }),
  );
  expect(outputs[0]).toHaveLength(10);
  outputs[0].forEach((value, i) => {
    expect(value).toBeCloseTo(outputs[1][i], 3);
  });

  // The same zeros in plain ONNX are found again.
  const packed = await filigree("pack", at("masked.onnx"), "-o", at("packed.filigree"), "--json");
  const { layers } = JSON.parse(packed.stdout);
  const conv = layers.find((layer: { node: string }) => layer.node === "block2.conv2");
  expect(conv.pattern).toBe("block:8x4");
  expect(conv.storedBytes).toBeLessThan(conv.denseBytes);
});

test("--quiet says nothing", async () => {
  const quiet = await filigree("pack", at("net.onnx"), "-o", at("dense.filigree"), "--quiet");
  expect(quiet).toEqual({ code: 0, stdout: "", stderr: "" });
});

test.each([
  [["prune", "nowhere.onnx", "-o", "x"], "filigree: nowhere.onnx: there is no such file"],
  [["prune", "net.onnx", "-o", "x", "--method", "smart"], "give training data"],
  [["prune", "net.onnx", "-o", "x", "--pattern", "3by4"], 'pattern "3by4" is not known'],
  [
    ["pack", "net.onnx", "-o", "x", "--pattern", "16x8"],
    "no weight of 'digits' has zeros that form block:16x8",
  ],
  [["run", "net.onnx", "--input", "ones"], "expected zeros, random or a .npy file"],
  [["inspect", "broken.filigree"], "filigree: "],
])("%j ends with one line that says what is wrong", async (args, message) => {
  const files = args.map((arg) => (/^net|^broken/.test(arg) ? at(arg) : arg));
  const { code, stdout, stderr } = await filigree(...files);
  expect(code).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toContain(message);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

test("--debug shows where an error was thrown", async () => {
  const { code, stderr } = await filigree("--debug", "inspect", at("nowhere"));
  expect(code).toBe(1);
  expect(stderr).toContain("    at ");
});

test("a TFLite file is known by its contents, and computes what the ONNX file of the network does", async () => {
  const packed = await filigree("pack", at("net.tflite"), "-o", at("tflite.filigree"), "--quiet");
  expect(packed.code, packed.stderr).toBe(0);
  const [got, want] = await Promise.all(
    ["tflite.filigree", "net.onnx"].map(async (file) => {
      const run = await filigree("run", at(file), "--input", at("one.npy"), "--json");
      return Object.values(JSON.parse(run.stdout).outputs as Record<string, { data: number[] }>)[0].data;
    }),
  );
  expect(got).toHaveLength(10);
  got.forEach((value, i) => {
    expect(value).toBeCloseTo(want[i], 3);
  });
});
