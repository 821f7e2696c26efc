/**
 * One step of training a whole network, against a network written out here in float64: its loss by plain loops, its
 * gradient by central differences of that loss. Nothing of the engine is used for what is expected.
 */
import { expect, test } from "vitest";
import type { Dataset } from "../../pruner/data/dataset.ts";
import { ortNode, type TrainOptions, train } from "../../pruner/index.ts";
import { normal, random } from "../../pruner/train/random.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";

const [N, C, S, K] = [6, 4, 5, 3]; // images, channels, side, classes
const epsilon = 1e-5;
const draw = normal(random(11));
const values = (length: number, spread = 1, offset = 0) =>
  Float32Array.from({ length }, () => offset + spread * draw());

/** conv 3x3 -> normalise -> relu -> conv 3x3 -> + what came before it -> relu -> mean -> linear */
const parameters: Record<string, Tensor<"float32">> = {
  w1: tensor([C, 2, 3, 3], values(C * 18, 0.4)),
  scale: tensor([C], values(C, 0.2, 1)),
  shift: tensor([C], values(C, 0.3)),
  w2: tensor([C, C, 3, 3], values(C * C * 9, 0.3)),
  b2: tensor([C], values(C, 0.2)),
  fc: tensor([K, C], values(K * C)),
  fcb: tensor([K], values(K, 0.3)),
};
const node = (name: string, op: string, inputs: string[], attrs = {}): Node => {
  return { name, op, inputs, outputs: [name], attrs };
};
const pads = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const graph: Graph = {
  name: "residual",
  inputs: [{ name: "x", dtype: "float32", shape: ["N", 2, S, S] }],
  outputs: [{ name: "z", dtype: "float32", shape: ["N", K] }],
  nodes: [
    node("conv1", "Conv", ["x", "w1"], pads),
    node("bn", "BatchNormalization", ["conv1", "scale", "shift", "mean", "var"], { epsilon }),
    node("a", "Relu", ["bn"]),
    node("conv2", "Conv", ["a", "w2", "b2"], pads),
    node("sum", "Add", ["conv2", "a"]),
    node("relu", "Relu", ["sum"]),
    node("pool", "GlobalAveragePool", ["relu"]),
    node("flat", "Flatten", ["pool"]),
    node("z", "Gemm", ["flat", "fc", "fcb"], { transB: 1 }),
  ],
  constants: new Map(
    Object.entries({
      ...parameters,
      mean: tensor([C], new Float32Array(C)),
      var: tensor([C], new Float32Array(C).fill(1)),
    }),
  ),
};
const images = tensor([N, 2, S, S], values(N * 2 * S * S));
const labels = Int32Array.from({ length: N }, (_, i) => i % K);
const data: Dataset = { images, labels, classes: K };

type Values = Record<string, ArrayLike<number>>;

function convolve(x: ArrayLike<number>, inputs: number, w: ArrayLike<number>, b?: ArrayLike<number>) {
  const y = new Float64Array(N * C * S * S);
  for (let n = 0; n < N; n++)
    for (let o = 0; o < C; o++)
      for (let r = 0; r < S; r++)
        for (let c = 0; c < S; c++) {
          let sum = b ? b[o] : 0;
          for (let i = 0; i < inputs; i++)
            for (let dr = -1; dr <= 1; dr++)
              for (let dc = -1; dc <= 1; dc++) {
                const [row, column] = [r + dr, c + dc];
                if (row < 0 || row >= S || column < 0 || column >= S) continue;
                sum +=
                  x[((n * inputs + i) * S + row) * S + column] *
                  w[((o * inputs + i) * 3 + dr + 1) * 3 + dc + 1];
              }
          y[((n * C + o) * S + r) * S + c] = sum;
        }
  return y;
}

const channelOf = (i: number) => Math.floor(i / (S * S)) % C;

/** Mean and variance of each channel. */
function moments(y: Float64Array): [Float64Array, Float64Array] {
  const per = N * S * S;
  const [mean, variance] = [new Float64Array(C), new Float64Array(C)];
  for (const [i, v] of y.entries()) mean[channelOf(i)] += v / per;
  for (const [i, v] of y.entries()) variance[channelOf(i)] += (v - mean[channelOf(i)]) ** 2 / per;
  return [mean, variance];
}

function logits(p: Values): number[][] {
  const y = convolve(images.data, 2, p.w1);
  const [mean, variance] = moments(y);
  const a = y.map((v, i) => {
    const c = channelOf(i);
    return Math.max(0, ((v - mean[c]) / Math.sqrt(variance[c] + epsilon)) * p.scale[c] + p.shift[c]);
  });
  const sum = convolve(a, C, p.w2, p.b2).map((v, i) => Math.max(0, v + a[i]));
  return Array.from({ length: N }, (_, n) => {
    const pooled = Array.from({ length: C }, (_, c) => {
      const from = (n * C + c) * S * S;
      return sum.slice(from, from + S * S).reduce((x, v) => x + v, 0) / (S * S);
    });
    return Array.from({ length: K }, (_, k) =>
      pooled.reduce((z, v, c) => z + v * p.fc[k * C + c], p.fcb[k]),
    );
  });
}

function softmax(row: readonly number[], temperature = 1): number[] {
  const e = row.map((z) => Math.exp(z / temperature));
  const all = e.reduce((x, v) => x + v, 0);
  return e.map((v) => v / all);
}

const smoothing = 0.1;
const teacherLogits = logits(parameters64());
/** Cross-entropy of smoothed labels, and of the teacher's softened answers. */
function lossOf(p: Values, distillation?: { weight: number; temperature: number }): number {
  let loss = 0;
  logits(p).forEach((row, n) => {
    const q = softmax(row);
    q.forEach((value, k) => {
      const target = smoothing / K + (labels[n] === k ? 1 - smoothing : 0);
      loss -= ((1 - (distillation?.weight ?? 0)) * target * Math.log(value)) / N;
    });
    if (!distillation) return;
    const { weight, temperature: T } = distillation;
    const [soft, teacher] = [softmax(row, T), softmax(teacherLogits[n], T)];
    for (const [k, value] of soft.entries()) {
      loss -= (weight * T * T * teacher[k] * Math.log(value)) / N;
    }
  });
  return loss;
}

function parameters64(
  from: Record<string, Tensor<"float32">> = parameters,
): Record<string, Float64Array> {
  return Object.fromEntries(
    Object.entries(from).map(([name, { data }]) => [name, Float64Array.from(data)]),
  );
}

test.each([
  ["cross-entropy of smoothed labels", undefined],
  ["distillation from another network", { weight: 0.6, temperature: 3 }],
] as const)("a step of SGD by %s goes where float64 says", async (_, distillation) => {
  // The student is not the teacher, or its gradient would be 0.
  const student = Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, data }]) => [
      name,
      tensor(
        shape,
        data.map((value, i) => value * (1 + 0.3 * Math.sin(i + 1))),
      ),
    ]),
  );
  const network = { ...graph, constants: new Map([...graph.constants, ...Object.entries(student)]) };
  const rate = 0.5;
  const options: TrainOptions = {
    epochs: 1,
    batch: N,
    learningRate: rate,
    decay: "constant",
    momentum: 0,
    weightDecay: 0,
    labelSmoothing: smoothing,
    distillation,
  };
  // The teacher answers with running averages: here those of the batch itself.
  const teacher = { ...graph, constants: new Map([...graph.constants, ...batchAverages()]) };
  const trained = await train(network, data, options, {
    engine: ortNode,
    engineOptions: { threads: 1 },
    teacher,
  });

  const p = parameters64(student);
  let compared = 0;
  for (const [name, array] of Object.entries(p)) {
    const found = (trained.constants.get(name) as Tensor<"float32">).data;
    for (let i = 0; i < array.length; i++) {
      const value = array[i];
      const h = 1e-5;
      array[i] = value + h;
      const up = lossOf(p, distillation);
      array[i] = value - h;
      const down = lossOf(p, distillation);
      array[i] = value;
      const gradient = (up - down) / (2 * h);
      expect(Math.abs((value - found[i]) / rate - gradient), `${name}[${i}]`).toBeLessThan(2e-5);
      if (Math.abs(gradient) > 1e-3) compared++;
    }
  }
  expect(compared).toBeGreaterThan(100);
});

/** Mean and variance of the teacher's first convolution over the images. */
function batchAverages(): [string, Tensor<"float32">][] {
  const [mean, variance] = moments(convolve(images.data, 2, parameters.w1.data));
  return [
    ["mean", tensor([C], Float32Array.from(mean))],
    ["var", tensor([C], Float32Array.from(variance))],
  ];
}
