/** A loss of the user's: over named outputs, built of operators, differentiated, searched and reported. */
import { describe, expect, test } from "vitest";
import { type Dataset, evaluate, type LossFunction, ortNode, prune, train } from "../../pruner/index.ts";
import { meanLoss } from "../../pruner/train/loss.ts";
import { normal, random } from "../../pruner/train/random.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";

const draw = normal(random(2));
const values = (length: number, spread: number) => Float32Array.from({ length }, () => spread * draw());
const node = (name: string, op: string, inputs: string[], attrs = {}): Node => {
  return { name, op, inputs, outputs: [name], attrs };
};
/** Two outputs of one trunk: where something is (two numbers) and how sure that is (one). */
const graph: Graph = {
  name: "pointer",
  inputs: [{ name: "x", dtype: "float32", shape: ["N", 1, 4, 4] }],
  outputs: [
    { name: "point", dtype: "float32", shape: ["N", 2] },
    { name: "sure", dtype: "float32", shape: ["N", 1] },
  ],
  nodes: [
    node("conv1", "Conv", ["x", "w1"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    node("a", "Relu", ["conv1"]),
    node("conv2", "Conv", ["a", "w2"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    node("b", "Relu", ["conv2"]),
    node("flat", "Flatten", ["b"]),
    node("point", "Gemm", ["flat", "wp"], { transB: 1 }),
    node("sure", "Gemm", ["flat", "ws"], { transB: 1 }),
  ],
  constants: new Map<string, Tensor>([
    ["w1", tensor([8, 1, 3, 3], values(72, 0.4))],
    ["w2", tensor([16, 8, 3, 3], values(1152, 0.15))],
    ["wp", tensor([2, 256], values(512, 0.05))],
    ["ws", tensor([1, 256], values(256, 0.05))],
  ]),
};

/** One bright pixel; the target is its row, its column and 1. */
function points(count: number, seed: number): Dataset {
  const uniform = random(seed);
  const images = tensor([count, 1, 4, 4], new Float32Array(count * 16));
  const targets = tensor([count, 3], new Float32Array(count * 3));
  for (let i = 0; i < count; i++) {
    const place = Math.floor(16 * uniform());
    images.data[16 * i + place] = 1;
    targets.data.set([Math.floor(place / 4) / 4, (place % 4) / 4, 1], 3 * i);
  }
  return { images, targets, labels: new Int32Array(count), classes: 1 };
}

/** Mean square error of both outputs, the second at half weight. */
const loss: LossFunction = (op, { point, sure }, { targets }) => {
  const both = op("Concat", [point, sure], { axis: 1 });
  const error = op("Sub", [both, targets]);
  const square = op("Mul", [error, error]);
  return op("Mul", [op("ReduceMean", [square], { keepdims: 0 }), 0.5]);
};

test("the loss over the data is the mean that plain numbers give", async () => {
  const data = points(60, 1);
  const zero = { ...graph, constants: new Map(graph.constants) };
  for (const name of ["wp", "ws"]) {
    const { shape, data } = graph.constants.get(name) as Tensor<"float32">;
    zero.constants.set(name, tensor(shape, new Float32Array(data.length)));
  }
  // Of a network that always answers 0: the mean square of the targets. 60 images are one batch of 50 and a rest.
  const first = data.targets!.data.subarray(0, 150);
  const expected = (0.5 * first.reduce((sum, v) => sum + v * v, 0)) / 150;
  expect(await meanLoss(zero, data, loss, ortNode)).toBeCloseTo(expected, 6);
});

test("training by it moves against its gradient, as finite differences of it say", async () => {
  const data = points(10, 3);
  const options = {
    epochs: 1,
    batch: 10,
    learningRate: 1,
    decay: "constant",
    momentum: 0,
    weightDecay: 0,
  } as const;
  const trained = await train(graph, data, options, { engine: ortNode, loss });
  const fixed = { ...graph, inputs: [{ ...graph.inputs[0], shape: [10, 1, 4, 4] }] };
  for (const [name, i] of [
    ["w2", 100],
    ["w2", 701],
    ["wp", 37],
    ["ws", 5],
    ["w1", 20],
  ] as const) {
    const { shape, data: before } = graph.constants.get(name) as Tensor<"float32">;
    const at = (by: number) => {
      const moved = before.slice();
      moved[i] += by;
      const constants = new Map(graph.constants).set(name, tensor(shape, moved));
      return meanLoss({ ...fixed, constants }, data, loss, ortNode);
    };
    const gradient = ((await at(0.01)) - (await at(-0.01))) / 0.02;
    const after = (trained.constants.get(name) as Tensor<"float32">).data;
    expect(before[i] - after[i], `${name}[${i}]`).toBeCloseTo(gradient, 4);
  }
});

test("a network is pruned by it, and the report tells the loss instead of an accuracy", async () => {
  const { report } = await prune(graph, {
    method: "smart",
    pattern: "4x4",
    sparsity: 0.5,
    data: { train: points(320, 1), validation: points(100, 2) },
    schedule: { searchEpochs: 4, fineTuneEpochs: 4, batch: 16, learningRate: 0.05 },
    threads: 1,
    loss,
  });
  expect(report.accuracy).toBeUndefined();
  expect(report.loss!.after).toBeLessThan(0.3 * report.loss!.before);
  expect(report.blocks.kept).toBe(report.blocks.asked);
  const epochs = report.search!.epochs;
  expect(epochs.at(-1)!.lossSoft).toBeLessThan(epochs[0].lossSoft);
});

describe("is refused", () => {
  const data = points(20, 1);
  const start = (own: LossFunction | undefined, more = {}, of: Dataset = data) =>
    train(graph, of, { epochs: 1, batch: 10, ...more }, { engine: ortNode, loss: own });
  const cases: [what: string, run: () => Promise<unknown>, message: string][] = [
    ["where it is no single number", () => start((op, { point }) => op("Relu", [point])), "[10,2]"],
    ["where it is a string", () => start(() => "point"), "expected what op(…) returned"],
    [
      "where it reads an output that is not there",
      () => start((op, { box }) => op("ReduceMean", [box])),
      "the loss reads the output 'box'; the network has point, sure",
    ],
    [
      "where a weight has no part in it",
      () => start((op, { sure }) => op("ReduceMean", [sure], { keepdims: 0 })),
      "the constant 'wp' does not reach the loss",
    ],
    [
      "with distillation",
      () => start(loss, { distillation: { weight: 1, temperature: 2 } }),
      "leave it out",
    ],
    [
      "where images move and targets do not",
      () => start(loss, { flip: true }),
      "flip would move the images",
    ],
    ["where targets have no loss", () => start(undefined), "there is no loss that reads them"],
  ];
  test.each(cases)("%s", async (_, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});

test("a classifier's accuracy is measured as before", async () => {
  const one = { ...graph, outputs: [graph.outputs[0]], nodes: graph.nodes.slice(0, -1) };
  const constants = new Map([...graph.constants].filter(([name]) => name !== "ws"));
  const { targets: _, ...data } = points(30, 4);
  const found = await evaluate({ ...one, constants }, { ...data, classes: 2 }, ortNode);
  expect(found.images).toBe(30);
});
