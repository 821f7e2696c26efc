/** Dead channels are removed with all that depends on them, and the network computes what it did. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { importOnnx } from "../../pruner/import/onnx.ts";
import { removeDeadChannels } from "../../pruner/simplify/channels.ts";
import { simplify } from "../../pruner/simplify.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import type { Attr, Graph, Node } from "../../runtime/model/graph.ts";
import { type Shape, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { relativeError } from "../bench/relative-error.ts";
import { random, randomTensor } from "../random.ts";
import { hasShared, sharedPath, whyNoShared } from "../shared.ts";

/** Builds a graph over x [1, 4, 6, 6] node by node; a weight's `dead` rows are zero. */
function builder(seed: number) {
  const nodes: Node[] = [];
  const constants = new Map<string, Tensor>();
  const uniform = random(seed);
  let named = 0;
  const constant = (shape: Shape, value: (i: number) => number = () => 2 * uniform() - 1) => {
    const name = `c${named++}`;
    const size = shape.reduce((a, b) => a * b, 1);
    constants.set(
      name,
      tensor(
        shape,
        Float32Array.from({ length: size }, (_, i) => value(i)),
      ),
    );
    return name;
  };
  const ints = (...values: number[]) => {
    const name = `i${named++}`;
    constants.set(name, tensor([values.length], Int32Array.from(values), "int32"));
    return name;
  };
  const node = (op: string, inputs: string[], attrs: Record<string, Attr> = {}) => {
    const name = `${op}${named++}`;
    nodes.push({ name, op, inputs, outputs: [name], attrs });
    return name;
  };
  const weight = (shape: Shape, dead: readonly number[]) => {
    const row = shape.slice(1).reduce((a, b) => a * b, 1);
    return constant(shape, (i) => (dead.includes(Math.floor(i / row)) ? 0 : 2 * uniform() - 1));
  };
  const conv = (x: string, from: number, to: number, kernel: number, dead: number[] = [], pad = 0) =>
    node("Conv", [x, weight([to, from, kernel, kernel], dead), constant([to])], {
      kernel_shape: [kernel, kernel],
      pads: [pad, pad, pad, pad],
    });
  const depthwise = (x: string, channels: number, dead: number[] = [], pad = 1) =>
    node("Conv", [x, weight([channels, 1, 3, 3], dead), constant([channels])], {
      group: channels,
      pads: [pad, pad, pad, pad],
    });
  const graph = (...outputs: string[]): Graph => ({
    name: "dead channels",
    nodes,
    inputs: [{ name: "x", dtype: "float32", shape: [1, 4, 6, 6] }],
    outputs: outputs.map((name) => ({ name, dtype: "float32", shape: [] })),
    constants,
  });
  return { constant, ints, node, conv, depthwise, weight, graph };
}

type Builder = ReturnType<typeof builder>;

async function expectSameOutputs(before: Graph, after: Graph): Promise<void> {
  const inputs = { x: randomTensor([1, 4, 6, 6], 7) };
  const [a, b] = await Promise.all(
    [before, after].map(async (graph) => (await reference.prepare(plan(graph))).run(inputs)),
  );
  for (const [name, { shape, data }] of Object.entries(a)) {
    expect(b[name].shape).toEqual(shape);
    const most = Array.from(data, Math.abs).reduce((a, c) => Math.max(a, c), 1);
    for (const [i, value] of data.entries())
      expect(Math.abs(b[name].data[i] - value)).toBeLessThan(1e-5 * most);
  }
}

/** Each makes a graph in which some filters are zero; `left` is the channels of its layers afterwards. */
const cases: [what: string, make: (net: Builder) => string, left: number[]][] = [
  [
    "a bias behind Relu goes into the next 1x1",
    (net) => {
      const a = net.node("Relu", [net.conv("x", 4, 8, 1, [1, 5])]);
      return net.conv(a, 8, 3, 1);
    },
    [6, 3],
  ],
  [
    "an activation with f(0) ≠ 0 goes into the bias too",
    (net) => {
      const a = net.node("Sigmoid", [net.conv("x", 4, 8, 1, [0, 7])]);
      return net.conv(a, 8, 3, 3);
    },
    [6, 3],
  ],
  [
    "a constant that is not 0 stays before a padded 3x3",
    (net) => {
      const a = net.node("Sigmoid", [net.conv("x", 4, 8, 1, [0, 7])]);
      return net.conv(a, 8, 3, 3, [], 1);
    },
    [8, 3],
  ],
  [
    "a constant 0 goes also before a padded 3x3",
    (net) => {
      const a = net.node("Relu", [net.node("Conv", ["x", net.weight([8, 4, 1, 1], [2, 5])])]);
      return net.conv(a, 8, 3, 3, [], 1);
    },
    [6, 3],
  ],
  [
    "a dead depthwise filter takes the layer before with it",
    (net) => {
      const a = net.node("Relu", [net.conv("x", 4, 8, 1)]);
      const b = net.node("Swish", [net.depthwise(a, 8, [1, 2, 3])]);
      return net.conv(b, 8, 3, 1);
    },
    [5, 5, 3],
  ],
  [
    "a dead filter takes a padded depthwise with it where the channel is 0 there",
    (net) => {
      const a = net.node("Mul", [
        net.conv("x", 4, 8, 1),
        net.constant([8, 1, 1], (i) => (i < 3 ? 0 : 1)),
      ]);
      return net.conv(net.depthwise(a, 8), 8, 3, 1);
    },
    [5, 5, 3],
  ],
  [
    "in a residual sum a channel goes only where all addends are dead",
    (net) => {
      const a = net.conv("x", 4, 8, 1, [1, 2, 3]);
      const b = net.conv("x", 4, 8, 1, [2, 3, 4]);
      return net.conv(net.node("Relu", [net.node("Add", [a, b])]), 8, 3, 1);
    },
    [6, 6, 3],
  ],
  [
    "joined values lose the channels of each",
    (net) => {
      const a = net.conv("x", 4, 8, 1, [1]);
      const b = net.conv("x", 4, 6, 1, [0, 5]);
      return net.conv(net.node("Concat", [a, "x", b], { axis: 1 }), 18, 3, 1);
    },
    [7, 4, 3],
  ],
  [
    "a slice of the channels is cut with them",
    (net) => {
      const a = net.conv("x", 4, 8, 1, [1, 2, 6]);
      const b = net.node("Slice", [a, net.ints(2), net.ints(8), net.ints(1)]);
      return net.node("Add", [net.conv(a, 8, 3, 1), net.conv(b, 6, 3, 1)]);
    },
    [5, 3, 3],
  ],
  [
    "BatchNormalization loses the entries, and a scale of 0 makes a channel dead",
    (net) => {
      const a = net.conv("x", 4, 8, 1, [1]);
      const statistics = [
        net.constant([8], (i) => (i === 4 ? 0 : 1.5)),
        ...[0, 1].map(() => net.constant([8])),
        net.constant([8], () => 2),
      ];
      return net.conv(net.node("BatchNormalization", [a, ...statistics]), 8, 3, 1);
    },
    [6, 3],
  ],
  [
    "pools, Resize, Pad, ReduceMean and Flatten pass a channel on",
    (net) => {
      const a = net.conv("x", 4, 8, 1, [1, 2]);
      const b = net.node("MaxPool", [a], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
      const c = net.node("Resize", [b, "", "", net.ints(1, 8, 12, 12)], { mode: "nearest" });
      const d = net.node("AveragePool", [c], { kernel_shape: [2, 2], strides: [4, 4] });
      const e = net.node("Flatten", [d]);
      const f = net.node("ReduceMean", [a], { axes: [2, 3], keepdims: 0 });
      const gemm = (x: string, inputs: number) =>
        net.node("Gemm", [x, net.weight([3, inputs], []), net.constant([3])], { transB: 1 });
      return net.node("Add", [gemm(e, 72), gemm(f, 8)]);
    },
    [6, 3, 3],
  ],
  [
    "the gate of squeeze and excitation goes with the channel",
    (net) => {
      const a = net.conv("x", 4, 8, 1, [1, 2]);
      const squeezed = net.node("Relu", [net.conv(net.node("GlobalAveragePool", [a]), 8, 4, 1, [0])]);
      const gate = net.node("Sigmoid", [net.conv(squeezed, 4, 8, 1)]);
      // Of a constant times a gate nothing is known: only where the product is 0 it goes.
      const b = net.node("Mul", [
        net.node("Mul", [a, net.constant([8, 1, 1], (i) => (i === 2 ? 0 : 1))]),
        gate,
      ]);
      return net.conv(b, 8, 3, 1);
    },
    [7, 3, 7, 3],
  ],
  [
    "channels that nobody reads go, and what only they were made of",
    (net) => {
      const a = net.conv("x", 4, 6, 1);
      const b = net.conv(a, 6, 8, 1);
      const reading = net.constant([3, 8, 1, 1], (i) => (i % 8 === 3 ? 0.5 : 0));
      const c = net.node("Conv", [b, reading]);
      return net.node("Add", [c, net.conv("x", 4, 3, 1)]);
    },
    [6, 1, 3, 3],
  ],
  [
    "what a product of three dimensions folds is added behind it",
    (net) => {
      const rows = net.node("Reshape", [net.conv("x", 4, 8, 1), net.ints(1, 8, 36)]);
      const turned = net.node("Transpose", [rows], { perm: [0, 2, 1] });
      const hidden = net.node("MatMul", [
        turned,
        net.constant([8, 5], (i) => (i % 5 === 2 ? 0 : 0.1 * i)),
      ]);
      const bent = net.node("Gelu", [net.node("Add", [hidden, net.constant([5])])]);
      return net.node("MatMul", [bent, net.constant([5, 3])]);
    },
    [8, 4, 3],
  ],
  [
    "an operator that mixes channels keeps them all",
    (net) => {
      const a = net.node("Softmax", [net.conv("x", 4, 8, 1, [1, 2])], { axis: 1 });
      return net.conv(a, 8, 3, 1);
    },
    [8, 3],
  ],
  [
    "a layer whose filters are all zero keeps one",
    (net) => {
      const a = net.conv("x", 4, 4, 1, [0, 1, 2, 3]);
      return net.conv(a, 4, 3, 1);
    },
    [1, 3],
  ],
];

test.each(cases)("%s", async (_, make, left) => {
  const net = builder(1);
  const graph = net.graph(make(net));
  const { graph: smaller, removed } = removeDeadChannels(graph);
  const channels = smaller.nodes.flatMap(({ op, inputs }) => {
    const shape = smaller.constants.get(inputs[1])?.shape;
    if (op === "MatMul") return shape![1];
    return op === "Conv" || op === "Gemm" ? shape![0] : [];
  });
  expect(channels).toEqual(left);
  expect(removed.layers.length > 0).toBe(removed.weights.after < removed.weights.before);
  await expectSameOutputs(graph, smaller);
});

test("the channels of the graph's own outputs stay", () => {
  const net = builder(2);
  const graph = net.graph(net.conv("x", 4, 8, 1, [1, 2]));
  expect(removeDeadChannels(graph).graph).toEqual(graph);
});

/** A network of random operators over values [1, C, 6, 6], with filters of zeros everywhere. */
function randomNetwork(choices: readonly [op: number, a: number, b: number][], seed: number): Graph {
  const net = builder(seed);
  const values: { name: string; channels: number }[] = [{ name: "x", channels: 4 }];
  const uniform = random(seed + 1);
  const some = (count: number) =>
    Array.from({ length: count }, (_, i) => i).filter(() => uniform() < 0.4);
  for (const [op, i, j] of choices) {
    const a = values[i % values.length];
    const alike = values.filter(({ channels }) => channels === a.channels);
    const b = alike[j % alike.length];
    const other = values[j % values.length];
    const to = 3 + (j % 6);
    const { channels } = a;
    const perChannel = () => net.constant([channels, 1, 1], () => (uniform() < 0.3 ? 0 : uniform()));
    const made: [string, number][] = [
      [net.conv(a.name, channels, to, 1, some(to)), to],
      [net.conv(a.name, channels, to, 3, some(to), 1), to],
      [net.depthwise(a.name, channels, some(channels)), channels],
      [net.node(["Relu", "Sigmoid", "HardSwish", "Tanh"][j % 4], [a.name]), channels],
      [net.node(["Add", "Mul", "Sub"][j % 3], [a.name, b.name]), channels],
      [net.node("Add", [a.name, net.node("GlobalAveragePool", [b.name])]), channels],
      [net.node("Concat", [a.name, other.name], { axis: 1 }), channels + other.channels],
      [net.node(j % 2 ? "Mul" : "Add", [a.name, perChannel()]), channels],
      [
        net.node(j % 2 ? "MaxPool" : "AveragePool", [a.name], {
          kernel_shape: [3, 3],
          pads: [1, 1, 1, 1],
        }),
        channels,
      ],
      [net.node("Slice", [a.name, net.ints(1), net.ints(channels), net.ints(1)]), channels - 1],
    ];
    const [name, count] = made[op % made.length];
    if (count > 0) values.push({ name, channels: count });
  }
  const last = values[values.length - 1];
  const flat = net.node("Flatten", [net.conv(last.name, last.channels, 5, 1, [2])]);
  return net.graph(
    net.node("Gemm", [flat, net.weight([4, 180], [1]), net.constant([4])], { transB: 1 }),
  );
}

test("random networks with dead filters compute the same without them", async () => {
  let [removedIn, runs] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(9), fc.nat(20), fc.nat(20)), { minLength: 2, maxLength: 14 }),
      fc.nat(1000),
      async (choices, seed) => {
        const graph = randomNetwork(choices, seed);
        const { graph: smaller, removed } = removeDeadChannels(graph);
        runs++;
        if (removed.layers.length > 0) removedIn++;
        await expectSameOutputs(graph, smaller);
        expect(removeDeadChannels(smaller).graph).toEqual(smaller);
      },
    ),
    { seed: 1, numRuns: 150 },
  );
  expect(removedIn).toBeGreaterThan(runs / 2);
});

const handLandmark = "models/sparse/hand_landmark_full.onnx.gz";
test.skipIf(!hasShared)(
  `the hand landmark network loses more than 36 % of its weights${hasShared ? "" : `: ${whyNoShared}`}`,
  async () => {
    const graph = simplify(
      importOnnx(new Uint8Array(gunzipSync(readFileSync(sharedPath(handLandmark))))),
    );
    const { graph: smaller, removed } = removeDeadChannels(graph);
    expect(removed.weights.after / removed.weights.before).toBeLessThan(0.64);
    expect(removed.layers.find(({ before, after }) => before === 1152 && after === 410)).toBeDefined();
    const inputs = { [graph.inputs[0].name]: randomTensor([1, 3, 224, 224], 1, 0, 1) };
    const run = async (which: Graph) => {
      const executable = await wasm.prepare(plan(which));
      const outputs = await executable.run(inputs);
      executable.dispose();
      return outputs;
    };
    const [a, b] = [await run(graph), await run(smaller)];
    // An output of one value has no range: it is compared as it is. The others agree to a millionth of theirs; values
    // about 177 as the landmarks have are 1.5e-5 apart from their neighbours in float32.
    for (const [name, { data }] of Object.entries(a)) {
      if (data.length === 1) expect(b[name].data[0]).toBeCloseTo(data[0], 5);
      else expect(relativeError({ name: a[name] }, { name: b[name] })).toBeLessThan(3e-6);
    }
  },
);
