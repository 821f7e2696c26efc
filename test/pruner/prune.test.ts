/** The whole pipeline on a small network and made-up images whose class is easy to see. */
import { expect, test } from "vitest";
import { digitsNetwork } from "../../demo/digits/network.ts";
import type { Dataset } from "../../pruner/data/dataset.ts";
import { evaluate, exportOnnx, ortNode, type PruneOptions, prune, train } from "../../pruner/index.ts";
import { keptBlocks } from "../../pruner/pattern.ts";
import { normal, random } from "../../pruner/train/random.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { readModel, writeModel } from "../../runtime/model/file.ts";
import { isSparse } from "../../runtime/model/graph.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";

const network = digitsNetwork(3, { stem: 8, blocks: [16, 32] });

/** Noise, and stripes whose direction (five) and width (two) are the class. */
function stripes(count: number, seed: number): Dataset {
  const uniform = random(seed);
  const noise = normal(uniform);
  const images = tensor([count, 1, 28, 28], new Float32Array(count * 784));
  const labels = Int32Array.from({ length: count }, () => Math.floor(uniform() * 10));
  for (const [i, label] of labels.entries()) {
    const [angle, period, phase] = [(Math.PI * (label % 5)) / 5, label < 5 ? 4 : 8, uniform()];
    for (let p = 0; p < 784; p++) {
      const along = (p % 28) * Math.cos(angle) + Math.floor(p / 28) * Math.sin(angle);
      images.data[i * 784 + p] = Math.sin(2 * Math.PI * (along / period + phase)) + 0.3 * noise();
    }
  }
  return { images, labels, classes: 10 };
}

const data = { train: stripes(256, 1), validation: stripes(100, 2) };
const schedule = { searchEpochs: 2, fineTuneEpochs: 1, batch: 32, learningRate: 0.05 };
const smart: PruneOptions = {
  method: "smart",
  pattern: "8x4",
  sparsity: 0.7,
  data,
  schedule,
  seed: 5,
  threads: 1,
};

test("smart keeps exactly the asked blocks, ends its search hard, and its network is what the report says", async () => {
  const { graph, masks, report } = await prune(network, smart);
  const total = report.layers.reduce((sum, { blocks }) => sum + blocks, 0);
  expect(report.blocks).toEqual({
    total,
    asked: Math.round(0.3 * total),
    kept: Math.round(0.3 * total),
  });
  expect([...masks.values()].reduce((sum, mask) => sum + keptBlocks(mask), 0)).toBe(report.blocks.kept);

  expect(report.search!.epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
  expect(report.search!.epochs[0].softFraction).toBeGreaterThan(0.2);
  expect(report.search!.epochs[2].tau).toBeLessThan(report.search!.epochs[0].tau / 100);

  // Weights are sparse, BatchNormalization is folded, and the file carries it all.
  expect(graph.nodes.some(({ op }) => op === "BatchNormalization")).toBe(false);
  const pruned = report.layers.filter(({ keptBlocks, blocks }) => keptBlocks < blocks);
  for (const { node } of pruned) {
    const weight = graph.nodes.find(({ name }) => name === node)!.inputs[1];
    expect(isSparse(graph.constants.get(weight)!), node).toBe(true);
  }
  const { graph: read } = await readModel(await writeModel(graph, { report }));
  const again = await evaluate(read, data.validation, ortNode);
  expect(again.correct).toBe(report.accuracy!.after.correct);
});

test("the same seed gives the same network, another seed another", async () => {
  const short = { ...smart, schedule: { ...schedule, searchEpochs: 1, fineTuneEpochs: 0 } };
  const values = async (seed: number) => {
    const { graph } = await prune(network, { ...short, seed });
    return [...graph.constants.values()].map((constant) =>
      "values" in constant ? constant.values : constant.data,
    );
  };
  const [first, second, other] = [await values(1), await values(1), await values(2)];
  expect(second).toEqual(first);
  expect(other).not.toEqual(first);
});

test("training learns, and magnitude trains for as many steps as smart", async () => {
  const before = await evaluate(network, data.validation, ortNode);
  const trained = await train(
    network,
    data.train,
    { epochs: 4, batch: 32, learningRate: 0.1 },
    { engine: ortNode },
  );
  const after = await evaluate(trained, data.validation, ortNode);
  expect(after.accuracy).toBeGreaterThan(before.accuracy + 0.3);

  const stepsOf = async (method: "smart" | "magnitude") => {
    let steps = 0;
    const { report } = await prune(trained, {
      ...smart,
      method,
      onProgress: ({ step }) => (steps = step),
    });
    expect(report.accuracy!.after.accuracy).toBeGreaterThan(before.accuracy + 0.3);
    return steps;
  };
  expect(await stepsOf("magnitude")).toBe(await stepsOf("smart"));
});

const patterns = ["16x8", "4x4", "2:4", "channel", "unstructured"];
const oneShot = patterns.flatMap((pattern) => [
  { method: "magnitude", pattern } as const,
  { method: undefined, pattern },
]);

test.each(oneShot)(
  "$method by $pattern without data: the sparse network computes what ONNX Runtime computes with zeros",
  async (options) => {
    const { graph, report } = await prune(network, options);
    expect(report.method).toBe(options.method ?? "dimap");
    expect(report.blocks.kept).toBe(report.blocks.asked);
    const image = stripes(2, 9).images;
    const program = await ortNode.compile(exportOnnx(graph), { threads: 1 });
    const expected = Object.values(await program.run({ image }))[0];
    await program.dispose();
    const executable = await reference.prepare(plan(graph, { shapes: { image: image.shape } }));
    const found = Object.values(await executable.run({ image }))[0];
    for (const [i, value] of expected.data.entries()) expect(found.data[i]).toBeCloseTo(value, 4);
  },
);

test("channels that pruning leaves dead are removed, and the network computes what it does with them", async () => {
  const options = { pattern: "channel", sparsity: 0.5 };
  const [smaller, whole] = [
    await prune(network, options),
    await prune(network, { ...options, keepChannels: true }),
  ];
  expect(whole.report.channels!.layers).toEqual([]);
  expect(smaller.report.channels!.layers.map(({ node }) => node)).toContain("block2.conv1");
  expect(smaller.report.bytes.stored).toBeLessThan(whole.report.bytes.stored);
  const image = stripes(2, 9).images;
  const [a, b] = await Promise.all(
    [smaller, whole].map(async ({ graph }) => {
      const executable = await reference.prepare(plan(graph, { shapes: { image: image.shape } }));
      return Object.values(await executable.run({ image }))[0];
    }),
  );
  for (const [i, value] of b.data.entries()) expect(a.data[i]).toBeCloseTo(value, 4);
});

test.each([
  ["smart without data", { method: "smart" }, "give training data"],
  [
    "a search without an epoch",
    { ...smart, schedule: { ...schedule, searchEpochs: 0 } },
    "smart searches, and searchEpochs is 0",
  ],
  ["2:4 at another sparsity", { pattern: "2:4", sparsity: 0.7 }, "has the sparsity 0.5"],
  ["a * that fits nothing", { include: ["nowhere*"] }, "no layer or weight is called 'nowhere*'"],
  ["everything removed", { sparsity: 1 }, "0 ≤ sparsity < 1"],
  ["less than a block a layer", { sparsity: 0.99 }, "lower the sparsity"],
  ["an unknown pattern", { pattern: "16by8" }, 'pattern "16by8" is not known'],
  ["an unknown layer", { exclude: ["nowhere"] }, "no layer or weight is called 'nowhere'"],
  [
    "fewer images than a batch",
    { ...smart, data: { train: stripes(8, 1) } },
    "less than one batch of 32",
  ],
] as [string, PruneOptions, string][])("%s is refused", async (_, options, message) => {
  await expect(prune(network, options)).rejects.toThrow(message);
});

test("include and exclude change what is pruned, and the report says why the rest is not", async () => {
  const plain = await prune(network, { pattern: "4x4" });
  expect(plain.report.skipped.map(({ node, reason }) => [node, reason])).toEqual([
    ["stem", "first layer"],
    ["head", "last layer"],
  ]);
  const changed = await prune(network, { pattern: "4x4", include: ["head"], exclude: ["block1.conv1"] });
  expect(changed.report.skipped.map(({ node, reason }) => [node, reason])).toEqual([
    ["stem", "first layer"],
    ["block1.conv1", "excluded by name"],
  ]);
});

test("names may hold a *, and a layer in which no block fits is left out by name", async () => {
  const all = await prune(network, { pattern: "4x4", exclude: ["block1.*"] });
  expect(all.report.layers.every(({ node }) => !node.startsWith("block1."))).toBe(true);
  const { report } = await prune(network, { pattern: "32x32" });
  expect(report.skipped.filter(({ reason }) => reason === "too small for block:32x32")).not.toEqual([]);
  const [{ node }] = report.skipped.filter(({ reason }) => reason.startsWith("too small"));
  const included = await prune(network, { pattern: "32x32", include: [node] });
  expect(included.report.layers.map((layer) => layer.node)).toContain(node);
});

test("a training rate that diverges is refused with what to change", async () => {
  const diverging = train(
    network,
    data.train,
    { epochs: 3, batch: 32, learningRate: 1e30 },
    { engine: ortNode },
  );
  await expect(diverging).rejects.toThrow("lower the learning rate");
});
