/** Running statistics measured anew: what they are, and what they are good for. */
import { expect, test } from "vitest";
import { digitsNetwork } from "../../demo/digits/network.ts";
import { evaluate, ortNode, prune, train } from "../../pruner/index.ts";
import { channelMoments } from "../../pruner/train/normalize.ts";
import { measureStatistics } from "../../pruner/train/statistics.ts";
import type { Tensor } from "../../runtime/model/tensor.ts";
import { stripes } from "../methods/stripes.ts";

const widths = { stem: 8, blocks: [8, 16] };
const engineOptions = { threads: 1 };

test("the first normalisation gets mean and variance of its input over all images", async () => {
  const graph = digitsNetwork(3, widths);
  const data = stripes(256, 1);
  const first = graph.nodes.find(({ op }) => op === "BatchNormalization")!;
  const moments = await channelMoments(graph, [first.inputs[0]], data, ortNode, engineOptions);
  const measured = await measureStatistics(graph, data, { images: 256 }, ortNode, engineOptions);
  for (const [place, part] of [
    [3, "mean"],
    [4, "variance"],
  ] as const) {
    const { data: ours } = measured.constants.get(first.inputs[place]) as Tensor<"float32">;
    const expected = moments.get(first.inputs[0])![part];
    ours.forEach((value, c) => {
      expect(Math.abs(value - expected[c])).toBeLessThan(1e-4 * (1 + Math.abs(expected[c])));
    });
  }
  expect(measured.nodes).toBe(graph.nodes);
});

test("the same images give the same statistics, to the bit", async () => {
  const data = stripes(64, 1);
  const [a, b] = await Promise.all(
    [0, 1].map(() =>
      measureStatistics(digitsNetwork(3, widths), data, { images: 50, seed: 4 }, ortNode, engineOptions),
    ),
  );
  for (const [name, constant] of a.constants) expect(constant).toEqual(b.constants.get(name));
});

test("a network pruned at once and not trained after loses less when its statistics are measured anew", async () => {
  const data = stripes(512, 1);
  const dense = await train(
    digitsNetwork(3, widths),
    data,
    { epochs: 2, batch: 16, learningRate: 0.05 },
    { engine: ortNode, engineOptions },
  );
  const lossOf = async (statisticsImages?: number) => {
    const { graph } = await prune(dense, {
      method: "magnitude",
      pattern: "4x4",
      sparsity: 0.5,
      data: { train: data },
      schedule: { searchEpochs: 0, fineTuneEpochs: 0, batch: 16, statisticsImages },
      threads: 1,
    });
    return (await evaluate(graph, stripes(256, 2), ortNode, engineOptions)).loss;
  };
  const [left, measured, byDefault] = [await lossOf(0), await lossOf(512), await lossOf()];
  expect(measured).toBeLessThan(left);
  expect(byDefault).toBe(await lossOf(2048));
});
