/** BatchNormalization put back behind the convolutions of a network that was exported without. */
import { expect, test } from "vitest";
import { digitsNetwork } from "../../demo/digits/network.ts";
import { exportOnnx, ortNode, prune, simplify, tensor } from "../../pruner/index.ts";
import { restoreNormalization } from "../../pruner/train/normalize.ts";
import { normal, random } from "../../pruner/train/random.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import type { Tensor } from "../../runtime/model/tensor.ts";

const folded = simplify(digitsNetwork(3, { stem: 8, blocks: [16, 32] }));
const draw = normal(random(6));
const images = tensor(
  [64, 1, 28, 28],
  new Float32Array(64 * 784).map(() => draw()),
);
const data = { images, labels: Int32Array.from({ length: 64 }, (_, i) => i % 10), classes: 10 };

async function logits(graph: Graph): Promise<Float32Array> {
  const program = await ortNode.compile(exportOnnx(graph), { threads: 1 });
  const [output] = Object.values(await program.run({ image: images }));
  await program.dispose();
  return output.data;
}

const count = (graph: Graph) => graph.nodes.filter(({ op }) => op === "BatchNormalization").length;

test("the network computes what it did, with a BatchNormalization behind every Conv", async () => {
  const restored = await restoreNormalization(folded, data, ortNode);
  expect(count(folded)).toBe(0);
  expect(count(restored)).toBe(folded.nodes.filter(({ op }) => op === "Conv").length);
  const [before, after] = [await logits(folded), await logits(restored)];
  for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 3);
  const [again] = [await logits(simplify(restored))];
  for (const [i, value] of before.entries()) expect(again[i]).toBeCloseTo(value, 3);
});

test("every layer starts with the same norm of its channels", async () => {
  const { nodes, constants } = await restoreNormalization(folded, data, ortNode);
  const convs = nodes.filter(({ op }) => op === "Conv");
  for (const { name, inputs } of convs) {
    const { shape, data } = constants.get(inputs[1]) as Tensor<"float32">;
    const norm = Math.hypot(...data) / Math.sqrt(shape[0]);
    expect(norm, name).toBeCloseTo(Math.SQRT2, 5);
  }
});

test("a network that has its BatchNormalization is left as it is", async () => {
  const network = digitsNetwork(3, { stem: 8, blocks: [16, 32] });
  expect(await restoreNormalization(network, data, ortNode)).toBe(network);
});

test("pruning folds what it put back", async () => {
  const schedule = { searchEpochs: 1, fineTuneEpochs: 1, batch: 32 };
  const { graph } = await prune(folded, { pattern: "8x4", data: { train: data }, schedule });
  expect(count(graph)).toBe(0);
  expect(graph.nodes.map(({ op }) => op)).toEqual(folded.nodes.map(({ op }) => op));
});
