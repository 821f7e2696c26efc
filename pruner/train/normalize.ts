/**
 * Puts BatchNormalization back behind every Conv that has none: exported networks have it folded into the weights,
 * and without it a network does not recover from losing half of them, because each layer's values shrink.
 *
 * Mean m and variance v of each channel are measured on training images, and  scale = sqrt(v + epsilon), shift = m,
 * so that the network computes what it did. `simplify` folds it all into the weights again. A bias in front of it
 * would train for nothing: it goes into m.
 *
 * Behind a normalisation the weights' own scale means nothing but how far a step of training turns them: by rate /
 * norm^2 (van Laarhoven 2017). Folding left norms of 0.02 in one layer and 9 in the next; one step would turn the first
 * upside down. So each layer's weights are scaled to the norm with which networks start: sqrt(2) a channel
 * (He et al. 2015, of the fan-in), and m and v with them.
 */
import { type Graph, isSparse, type Node } from "../../runtime/model/graph.ts";
import type { SparseTensor } from "../../runtime/model/sparse/format.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { type Dataset, first, subset } from "../data/dataset.ts";
import { exportOnnx } from "../export/onnx.ts";
import type { Engine, EngineOptions } from "./engine.ts";

const epsilon = 1e-5;
const startNorm = Math.SQRT2;
const measuredImages = 512;
/** So few at a time keep the results of all layers in memory. */
const batch = 16;

export async function restoreNormalization(
  graph: Graph,
  data: Dataset,
  engine: Engine,
  options?: EngineOptions,
): Promise<Graph> {
  const normalized = new Set(
    graph.nodes.filter(({ op }) => op === "BatchNormalization").map(({ inputs }) => inputs[0]),
  );
  const bare = graph.nodes.filter(({ op, outputs }) => op === "Conv" && !normalized.has(outputs[0]));
  if (bare.length === 0) return graph;
  const values = bare.map(({ outputs }) => outputs[0]);
  const moments = await channelMoments(graph, values, first(data, measuredImages), engine, options);
  const constants = new Map<string, Tensor | SparseTensor>(graph.constants);
  const gains = gainsOf(graph, bare);
  for (const [name, gain] of gains) {
    const { shape, data } = graph.constants.get(name) as Tensor<"float32">;
    constants.set(
      name,
      tensor(
        shape,
        data.map((w) => w * gain),
      ),
    );
  }
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const found = moments.get(node.outputs[0]);
    if (!found || !bare.includes(node)) return [node];
    const { mean, variance } = found;
    const bias = graph.constants.get(node.inputs[2] ?? "");
    const folded = bias && !isSparse(bias) ? bias.data : undefined;
    const gain = gains.get(node.inputs[1]) ?? 1;
    const parts = {
      scale: variance.map((v) => Math.sqrt(gain * gain * v + epsilon) / gain),
      shift: mean,
      mean: mean.map((m, channel) => gain * (folded ? m - folded[channel] : m)),
      variance: variance.map((v) => gain * gain * v),
    };
    const names = Object.entries(parts).map(([part, values]) => {
      const name = `${node.name}/norm/${part}`;
      constants.set(name, tensor([mean.length], Float32Array.from(values)));
      return name;
    });
    const raw = `${node.outputs[0]}/raw`;
    return [
      { ...node, inputs: folded ? node.inputs.slice(0, 2) : node.inputs, outputs: [raw] },
      {
        name: `${node.name}/norm`,
        op: "BatchNormalization",
        inputs: [raw, ...names],
        outputs: node.outputs,
        attrs: { epsilon },
      },
    ];
  });
  return { ...graph, nodes, constants };
}

/** What each weight of the convolutions is multiplied by. One that another node reads too stays as it is. */
function gainsOf(graph: Graph, bare: readonly Node[]): Map<string, number> {
  const gains = new Map<string, number>();
  for (const { inputs } of bare) {
    const weight = graph.constants.get(inputs[1]);
    const readers = graph.nodes.filter((node) => node.inputs.includes(inputs[1]));
    if (!weight || isSparse(weight) || !readers.every((reader) => bare.includes(reader))) continue;
    gains.set(inputs[1], startNorm / (channelNorm(weight as Tensor<"float32">) || startNorm));
  }
  return gains;
}

/** Root mean square over the output channels of their weights' Euclidean norms. */
function channelNorm({ shape, data }: Tensor<"float32">): number {
  return Math.sqrt(data.reduce((sum, w) => sum + w * w, 0) / shape[0]);
}

interface Moments {
  readonly mean: Float64Array; // [channels]
  readonly variance: Float64Array; // [channels]
}

/** Mean and variance over images and places of each channel of values: [N, C, …], or [N, T, C] of three axes. */
export async function channelMoments(
  graph: Graph,
  values: readonly string[],
  data: Dataset,
  engine: Engine,
  options?: EngineOptions,
): Promise<Map<string, Moments>> {
  const [input] = graph.inputs;
  const size = typeof input.shape[0] === "number" ? input.shape[0] : batch;
  const { values: planned } = plan(graph);
  const outputs = values.map((name) => {
    const { shape } = planned.get(name)!;
    return { name, dtype: "float32" as const, shape: shape.map((_, axis) => `${name}/${axis}`) };
  });
  const program = await engine.compile(exportOnnx({ ...graph, outputs }), options);
  const sums = new Map<string, { sum: Float64Array; squares: Float64Array; count: number }>();
  try {
    for (let start = 0; start + size <= data.labels.length; start += size) {
      const indices = Int32Array.from({ length: size }, (_, i) => start + i);
      const results = await program.run({ [input.name]: subset(data, indices).images });
      for (const name of values) {
        const { shape, data: y } = results[name];
        const axis = shape.length === 3 ? 2 : 1;
        const channels = shape[axis];
        const area = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
        if (!sums.has(name)) {
          sums.set(name, {
            sum: new Float64Array(channels),
            squares: new Float64Array(channels),
            count: 0,
          });
        }
        const all = sums.get(name)!;
        for (let i = 0; i < y.length; i++) {
          const channel = Math.floor(i / area) % channels;
          all.sum[channel] += y[i];
          all.squares[channel] += y[i] * y[i];
        }
        all.count += y.length / channels;
      }
    }
  } finally {
    await program.dispose();
  }
  return new Map(
    Array.from(sums, ([name, { sum, squares, count }]) => {
      const mean = sum.map((value) => value / count);
      return [name, { mean, variance: squares.map((s, c) => Math.max(0, s / count - mean[c] ** 2)) }];
    }),
  );
}
