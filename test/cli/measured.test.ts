/** What the command line measures: accuracy in the browser is the reported one; blocks have costs, and a budget of them. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { buildForBrowser, buildForNode, runtimeFiles } from "../../build.ts";
import { digitsNetwork } from "../../demo/digits/network.ts";
import { findChromium, howToGetChromium } from "../../pruner/bench/chromium.ts";
import { measureCosts } from "../../pruner/bench/costs.ts";
import { benchmark } from "../../pruner/bench/index.ts";
import { pruneCommand } from "../../pruner/cli/prune.ts";
import { writeNpy } from "../../pruner/data/npy.ts";
import {
  type Dataset,
  exportOnnx,
  type PruneReport,
  parsePattern,
  readModel,
} from "../../pruner/index.ts";
import { costTable } from "../../pruner/methods/costs.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { stripes } from "../methods/stripes.ts";

// Inside the project, so that the worker finds its packages.
const out = fileURLToPath(new URL("../../out/", import.meta.url));
mkdirSync(out, { recursive: true });
const folder = mkdtempSync(join(out, "test-measured-"));
const dist = join(folder, "dist");
const at = (name: string) => join(folder, name);
const network = digitsNetwork(3, { stem: 8, blocks: [16, 32] });
const held = stripes(150, 2);

async function writePair(name: string, { images, labels }: Dataset): Promise<void> {
  await writeFile(at(`${name}-x.npy`), writeNpy(images));
  await writeFile(at(`${name}-y.npy`), writeNpy(tensor([labels.length], labels, "int32")));
}

beforeAll(async () => {
  for (const [name, file] of Object.entries(runtimeFiles)) await buildForBrowser(name, file, dist);
  await buildForBrowser("bench/page", "demo/bench/page.ts", dist);
  await buildForNode({ "bench-worker": "pruner/bench/bench-worker.ts" }, dist);
  await writeFile(at("net.onnx"), exportOnnx(network));
  await writePair("train", stripes(256, 1));
  await writePair("held", held);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs `filigree prune` in this process. */
async function prune(...args: string[]): Promise<void> {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await pruneCommand().parseAsync([at("net.onnx"), ...args], { from: "user" });
  log.mockRestore();
}

describe("filigree prune", () => {
  const pruneStripes = () =>
    prune(
      ...["-o", at("net.filigree"), "--pattern", "8x4", "--html", at("report.html")],
      ...["--log", at("log.jsonl"), "--threads", "1", "--checkpoint", at("state")],
      ...["--data", `${at("train-x.npy")},${at("train-y.npy")}`, "--batch", "32"],
      ...["--validation", `${at("held-x.npy")},${at("held-y.npy")}`],
      ...["--epochs", "3+1", "--learning-rate", "0.05"],
    );
  const modelOf = async (name: string) => readModel(new Uint8Array(await readFile(at(name))));
  beforeAll(pruneStripes, 120_000);

  test.for(["chromium", "node"] as const)(
    "reports the accuracy that its file has in %s",
    async (place, ctx) => {
      if (place === "chromium" && !findChromium()) ctx.skip(howToGetChromium);
      const model = new Uint8Array(await readFile(at("net.filigree")));
      const report = (await readModel(model)).meta.report as PruneReport;
      const samples = Array.from(held.labels, (_, i) => ({
        image: tensor([1, 1, 28, 28], held.images.data.slice(784 * i, 784 * (i + 1))),
      }));
      const { comparisons } = await benchmark(
        [{ name: "filigree", kind: "filigree", model, threads: 1 }],
        samples,
        { place, dist, rounds: 0, classify: true },
      );
      const right = comparisons[0].classes!.filter((found, i) => found === held.labels[i]).length;
      expect(right).toBe(report.accuracy!.after.correct);
      // Not by chance: it has learnt something.
      expect(right).toBeGreaterThan(30);
    },
  );

  test("writes a page that needs nothing else, and tells each layer and every plot", async () => {
    const html = await readFile(at("report.html"), "utf8");
    expect(html).not.toMatch(/(src|href)="?http|@import|url\(http/);
    expect(html).toContain("prefers-color-scheme: dark");
    for (const title of ["Loss", "Accuracy", "Softness of the masks", "Sparsity by layer over time"]) {
      expect(html).toContain(`<h2>${title}</h2><svg role="img"`);
    }
    const report = (await readModel(new Uint8Array(await readFile(at("net.filigree"))))).meta
      .report as PruneReport;
    for (const { node, keptBlocks, blocks } of report.layers) {
      expect(html).toContain(`title="${node}"`);
      expect(html).toContain(`<td>${keptBlocks} / ${blocks}</td>`);
    }
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("logs a line for what happens, from the start to the report", async () => {
    const lines = (await readFile(at("log.jsonl"), "utf8")).trim().split("\n");
    const events = lines.map((line) => JSON.parse(line));
    expect(events[0]).toMatchObject({ event: "start", model: at("net.onnx") });
    expect(events.at(-1)).toMatchObject({ event: "end", report: { method: "smart" } });
    const steps = events.filter(({ event }) => event === "step");
    expect(steps.at(-1)).toMatchObject({ stage: "fine-tune", epoch: 1, step: 32, steps: 32 });
    expect(steps[0]).toMatchObject({ stage: "search", step: 1, secondsLeft: expect.any(Number) });
  });

  test("started again goes on from its checkpoint, and keeps its log and its time", async () => {
    const [before, model] = [await readFile(at("log.jsonl"), "utf8"), await modelOf("net.filigree")];
    await pruneStripes();
    const after = await readFile(at("log.jsonl"), "utf8");
    expect(after.startsWith(before)).toBe(true);
    expect(after.slice(before.length)).toContain('"event":"start"');
    const again = await modelOf("net.filigree");
    expect(again.graph).toEqual(model.graph);
    const { seconds } = model.meta.report as PruneReport;
    expect(seconds).toEqual({ search: expect.any(Number), "fine-tune": expect.any(Number) });
    expect((again.meta.report as PruneReport).seconds).toEqual(seconds);
  });
});

describe("costs", () => {
  test.for(["chromium", "node"] as const)(
    "are measured in %s for every layer, and a prune spends them",
    async (place, ctx) => {
      if (place === "chromium" && !findChromium()) ctx.skip(howToGetChromium);
      const pattern = parsePattern("8x4");
      const options = { pattern, place, dist, rounds: 2, densities: [0.8, 0.2] };
      const { file, measured } = await measureCosts(network, options);
      expect(measured.place).toBe(place);
      expect(file.pattern).toBe("block:8x4");
      const { microseconds } = costTable(file);
      const layers = ["block1.conv1", "block1.conv2", "block2.conv1", "block2.conv2"];
      expect(Object.keys(microseconds)).toEqual(expect.arrayContaining(layers));
      for (const { points } of file.layers) {
        expect(points[0].kept).toBeGreaterThan(points[1].kept);
        for (const point of points) expect(point.microseconds).toBeGreaterThan(0);
      }

      await writeFile(at("costs.json"), JSON.stringify(file));
      await prune(
        ...["-o", at("fast.filigree"), "--pattern", "8x4", "--method", "magnitude", "--sparsity", "0.6"],
        ...["--budget", "latency", "--costs", at("costs.json")],
      );
      const bytes = new Uint8Array(await readFile(at("fast.filigree")));
      const report = (await readModel(bytes)).meta.report as PruneReport;
      expect(report.budget).toBe("latency");
      const sum = (of: "blocks" | "keptBlocks") =>
        report.layers.reduce((all, layer) => all + layer[of] * microseconds[layer.node], 0);
      const dearest = Math.max(...report.layers.map(({ node }) => microseconds[node]));
      expect(sum("keptBlocks")).toBeLessThanOrEqual(0.4 * sum("blocks") * (1 + 1e-9));
      expect(sum("keptBlocks")).toBeGreaterThan(0.4 * sum("blocks") - dearest);
    },
  );

  test("cannot be told apart where the densities keep the same blocks, or the pattern has one", async () => {
    const measure = (pattern: string, densities: number[]) =>
      measureCosts(network, { pattern: parsePattern(pattern), densities, place: "node", dist });
    await expect(measure("2:4", [0.8, 0.2])).rejects.toThrow("2:4 has one density");
    await expect(measure("8x4", [0.5])).rejects.toThrow("expected two or more");
    await expect(measure("8x4", [0, 0.5])).rejects.toThrow("0 < density ≤ 1");
  });
});
