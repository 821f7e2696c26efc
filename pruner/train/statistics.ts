/**
 * Measures the running mean and variance of every BatchNormalization anew, on training images. Pruning changes what
 * every layer sees, and training's averages lag behind the weights, so that an evaluation straight after either is
 * worse than the weights are (Wu & Johnson 2021, "precise BN").
 *
 *   mean = mean of the batches' means,   variance = mean of their variances + variance of their means
 */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Graph, ValueInfo } from "../../runtime/model/graph.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { type Dataset, subset } from "../data/dataset.ts";
import { exportOnnx } from "../export/onnx.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { permutation, random } from "./random.ts";

export interface MeasureOptions {
  readonly images: number; // so many, in seeded random order; all, where there are fewer
  readonly seed?: number;
}

/** Images at a time, where the network leaves the batch open. */
const openBatch = 128;

export async function measureStatistics(
  graph: Graph,
  data: Dataset,
  { images, seed = 0 }: MeasureOptions,
  engine: Engine,
  options?: EngineOptions,
): Promise<Graph> {
  const normalizations = graph.nodes.filter(({ op }) => op === "BatchNormalization");
  if (normalizations.length === 0 || images <= 0) return graph;
  const count = Math.min(images, data.labels.length);
  const [input] = graph.inputs;
  const batch = typeof input.shape[0] === "number" ? input.shape[0] : Math.min(openBatch, count);
  const batches = Math.floor(count / batch);
  if (batches === 0) {
    throw new ModelError(`${count} images to measure on are less than the network's batch of ${batch}`);
  }
  const measured = normalizations.flatMap(({ inputs, outputs }) => [
    { name: `${outputs[0]}/mean`, constant: inputs[3] },
    { name: `${outputs[0]}/variance`, constant: inputs[4] },
  ]);
  const program = await engine.compile(exportOnnx(inTraining(graph, measured)), options);
  const sums = new Map(measured.map(({ name }) => [name, new Float64Array()]));
  const squares = new Map(sums);
  const order = permutation(data.labels.length, random(seed));
  try {
    for (let at = 0; at < batches; at++) {
      const part = subset(data, order.subarray(at * batch, (at + 1) * batch));
      const results = await program.run({ [input.name]: part.images });
      for (const { name } of measured) {
        const { data: values } = results[name];
        const add = (all: Float64Array | undefined, power: number) =>
          Float64Array.from(values, (value, i) => (all?.[i] ?? 0) + value ** power);
        sums.set(name, add(sums.get(name), 1));
        squares.set(name, add(squares.get(name), 2));
      }
    }
  } finally {
    await program.dispose();
  }
  const constants = new Map(graph.constants);
  for (let i = 0; i < measured.length; i += 2) {
    const [mean, variance] = [measured[i], measured[i + 1]];
    const means = sums.get(mean.name)!.map((sum) => sum / batches);
    const spread = squares.get(mean.name)!.map((sum, c) => Math.max(0, sum / batches - means[c] ** 2));
    const within = sums.get(variance.name)!;
    constants.set(mean.constant, tensor([means.length], Float32Array.from(means)));
    constants.set(
      variance.constant,
      tensor(
        [means.length],
        Float32Array.from(within, (sum, c) => sum / batches + spread[c]),
      ),
    );
  }
  return { ...graph, constants };
}

/** The graph that normalises by each batch's own mean and variance, and returns them. */
function inTraining(graph: Graph, measured: readonly { name: string }[]): Graph {
  const nodes = graph.nodes.map((node) => {
    if (node.op !== "BatchNormalization") return node;
    const [y] = node.outputs;
    return {
      ...node,
      outputs: [y, `${y}/mean`, `${y}/variance`],
      attrs: { ...node.attrs, training_mode: 1, momentum: 0 },
    };
  });
  const outputs = measured.map(
    ({ name }): ValueInfo => ({ name, dtype: "float32", shape: [`${name}/channels`] }),
  );
  return { ...graph, nodes, outputs };
}
