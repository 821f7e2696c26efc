/** simplify leaves fewer nodes that compute the same. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simplify } from "../../pruner/simplify.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import type { Attr, Graph } from "../../runtime/model/graph.ts";
import { encodeWeight } from "../../runtime/model/sparse/index.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { randomMask } from "../formats/examples.ts";
import { randomTensor } from "../random.ts";
import { chain, type Layer } from "./chain.ts";

const r = (shape: number[], seed: number) => randomTensor(shape, seed);
const ints = (...values: number[]) => tensor([values.length], Int32Array.from(values), "int32");
const image = r([2, 3, 6, 5], 1);
const conv: Layer = { op: "Conv", constants: [r([4, 3, 3, 3], 2), r([4], 3)] };
const convNoBias: Layer = { op: "Conv", constants: [r([4, 3, 3, 3], 4)] };
const normalization = (channels: number): Layer => ({
  op: "BatchNormalization",
  constants: [r([channels], 5), r([channels], 6), r([channels], 7), randomTensor([channels], 8, 0.1, 2)],
});
const relu: Layer = { op: "Relu" };
const identity: Layer = { op: "Identity" };
const pad = (...pads: number[]): Layer => ({ op: "Pad", constants: [ints(...pads)] });
const average: Layer = { op: "AveragePool", attrs: { kernel_shape: [2, 2] } };
const sparse = encodeWeight(
  r([4, 3, 3, 3], 9),
  randomMask([4, 3, 3, 3], { kind: "unstructured" }, 0.5, 10),
);
const [vectorA, matrix] = [r([3, 6], 11), r([6, 5], 12)];

const rows: [claim: string, x: Tensor, layers: Layer[], ops: string[]][] = [
  ["BatchNormalization folds into Conv", image, [conv, normalization(4)], ["Conv"]],
  ["and into one without a bias", image, [convNoBias, normalization(4), relu], ["Conv", "Relu"]],
  ["through an Identity", image, [conv, identity, normalization(4)], ["Conv"]],
  ["and twice", image, [conv, normalization(4), normalization(4)], ["Conv"]],
  ["alone it is Mul and Add", image, [normalization(3), relu], ["Mul", "Add", "Relu"]],
  ["behind a Relu too", image, [conv, relu, normalization(4)], ["Conv", "Relu", "Mul", "Add"]],
  [
    "a factor for each channel folds",
    image,
    [conv, { op: "Mul", constants: [r([4, 1, 1], 13)] }],
    ["Conv"],
  ],
  ["a scalar divisor folds", image, [conv, { op: "Div", constants: [r([], 14)] }], ["Conv"]],
  [
    "a scalar is subtracted in the bias",
    image,
    [conv, { op: "Sub", constants: [r([1], 15)] }],
    ["Conv"],
  ],
  [
    "a factor for each column stays",
    image,
    [conv, { op: "Mul", constants: [r([3], 16)] }],
    ["Conv", "Mul"],
  ],
  [
    "a sparse weight stays, its bias takes a shift",
    image,
    [
      { op: "Conv", constants: [sparse] },
      { op: "Add", constants: [r([4, 1, 1], 17)] },
    ],
    ["Conv"],
  ],
  [
    "a sparse weight is not scaled",
    image,
    [{ op: "Conv", constants: [sparse] }, normalization(4)],
    ["Conv", "Mul", "Add"],
  ],
  [
    "an activation moves to the Conv before a Transpose",
    image,
    [
      conv,
      { op: "Reshape", constants: [ints(0, 4, -1)] },
      { op: "Transpose", attrs: { perm: [0, 2, 1] } },
      { op: "Sigmoid" },
    ],
    ["Conv", "Sigmoid", "Reshape", "Transpose"],
  ],
  [
    "two activations do so in order",
    image,
    [conv, { op: "Transpose", attrs: { perm: [0, 2, 3, 1] } }, { op: "Tanh" }, relu],
    ["Conv", "Tanh", "Transpose", "Relu"],
  ],
  [
    "but not where there is no product",
    image,
    [{ op: "Transpose", attrs: { perm: [0, 2, 3, 1] } }, relu],
    ["Transpose", "Relu"],
  ],
  [
    "Gather of one index becomes a Slice",
    image,
    [{ op: "Gather", constants: [tensor([], Int32Array.of(-1), "int32")], attrs: { axis: 1 } }],
    ["Slice", "Squeeze"],
  ],
  [
    "and of every second",
    image,
    [{ op: "Gather", constants: [ints(0, 2, 4)], attrs: { axis: 2 } }],
    ["Slice"],
  ],
  [
    "Gather in another order stays",
    image,
    [{ op: "Gather", constants: [ints(2, 0, 1)], attrs: { axis: 1 } }],
    ["Gather"],
  ],
  ["Identity goes", image, [identity, relu, identity, identity], ["Relu"]],
  ["Identity alone stays", image, [identity], ["Identity"]],
  ["Pad by zeros moves into Conv", image, [pad(0, 0, 1, 2, 0, 0, 0, 1), conv], ["Conv"]],
  [
    "and adds to its own pads",
    image,
    [pad(0, 0, 1, 1, 0, 0, 1, 1), { ...conv, attrs: { pads: [0, 1, 2, 0] } }],
    ["Conv"],
  ],
  ["Pad of channels stays", r([1, 2, 6, 5], 18), [pad(0, 1, 0, 0, 0, 0, 0, 0), conv], ["Pad", "Conv"]],
  [
    "Pad by another value stays",
    image,
    [{ op: "Pad", constants: [ints(0, 0, 1, 1, 0, 0, 1, 1), tensor([], Float32Array.of(1))] }, conv],
    ["Pad", "Conv"],
  ],
  ["Pad moves into AveragePool", image, [pad(0, 0, 1, 0, 0, 0, 1, 1), average], ["AveragePool"]],
  [
    "but not beside pads that do not count",
    image,
    [
      pad(0, 0, 1, 0, 0, 0, 1, 1),
      { op: "AveragePool", attrs: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
    ],
    ["Pad", "AveragePool"],
  ],
  [
    "Pad before MaxPool stays",
    image,
    [pad(0, 0, 1, 1, 0, 0, 1, 1), { op: "MaxPool", attrs: { kernel_shape: [2, 2] } }],
    ["Pad", "MaxPool"],
  ],
  ["MatMul becomes Gemm", vectorA, [{ op: "MatMul", constants: [matrix] }], ["Gemm"]],
  [
    "with the bias that follows",
    vectorA,
    [
      { op: "MatMul", constants: [matrix] },
      { op: "Add", constants: [r([5], 19)] },
    ],
    ["Gemm"],
  ],
  [
    "MatMul of three dimensions becomes a Gemm of rows",
    r([2, 3, 6], 20),
    [{ op: "MatMul", constants: [matrix] }],
    ["Reshape", "Gemm", "Reshape"],
  ],
  [
    "Gemm's factors go into its constants",
    vectorA,
    [
      { op: "Gemm", constants: [matrix, r([1, 5], 21)], attrs: { alpha: 0.5, beta: -2 } },
      normalization(5),
    ],
    ["Gemm"],
  ],
  [
    "a scalar C becomes a vector",
    vectorA,
    [{ op: "Gemm", constants: [matrix, r([], 22)], attrs: { beta: 3 } }],
    ["Gemm"],
  ],
  [
    "a matrix C stays one",
    vectorA,
    [{ op: "Gemm", constants: [matrix, r([3, 5], 23)], attrs: { beta: 3 } }],
    ["Gemm"],
  ],
];

const half = tensor([], Float32Array.of(0.5));
const scalar = (value: number) => tensor([], Float32Array.of(value));
type Step = [op: string, inputs: (string | Tensor)[]];
const oneActivation: [claim: string, steps: Step[], op: string, attrs: Record<string, Attr>][] = [
  [
    "x sigmoid(x)",
    [
      ["Sigmoid", ["x"]],
      ["Mul", ["x", "0"]],
    ],
    "Swish",
    {},
  ],
  [
    "x sigmoid(1.702 x)",
    [
      ["Mul", [scalar(1.702), "x"]],
      ["Sigmoid", ["0"]],
      ["Mul", ["1", "x"]],
    ],
    "Swish",
    { alpha: 1.702 },
  ],
  [
    "GELU, as PyTorch writes it",
    [
      ["Div", ["x", scalar(Math.SQRT2)]],
      ["Erf", ["0"]],
      ["Add", ["1", scalar(1)]],
      ["Mul", ["x", "2"]],
      ["Mul", ["3", half]],
    ],
    "Gelu",
    {},
  ],
  [
    "GELU, halved first",
    [
      ["Mul", ["x", half]],
      ["Mul", [scalar(Math.SQRT1_2), "x"]],
      ["Erf", ["1"]],
      ["Add", [scalar(1), "2"]],
      ["Mul", ["0", "3"]],
    ],
    "Gelu",
    {},
  ],
  [
    "GELU of a power and tanh",
    [
      ["Pow", ["x", scalar(3)]],
      ["Mul", ["0", scalar(0.044715)]],
      ["Add", ["x", "1"]],
      ["Mul", ["2", scalar(Math.sqrt(2 / Math.PI))]],
      ["Tanh", ["3"]],
      ["Add", ["4", scalar(1)]],
      ["Mul", ["x", half]],
      ["Mul", ["6", "5"]],
    ],
    "Gelu",
    { approximate: "tanh" },
  ],
  [
    "x relu6(x + 3) / 6",
    [
      ["Add", ["x", scalar(3)]],
      ["Clip", ["0", scalar(0), scalar(6)]],
      ["Mul", ["x", "1"]],
      ["Div", ["2", scalar(6)]],
    ],
    "HardSwish",
    {},
  ],
  [
    "x hard-sigmoid(x)",
    [
      ["Add", ["x", scalar(3)]],
      ["Clip", ["0", scalar(0), scalar(6)]],
      ["Div", ["1", scalar(6)]],
      ["Mul", ["2", "x"]],
    ],
    "HardSwish",
    {},
  ],
  [
    "relu6(x + 3) / 6",
    [
      ["Add", ["x", scalar(3)]],
      ["Clip", ["0", scalar(0), scalar(6)]],
      ["Mul", ["1", scalar(1 / 6)]],
    ],
    "HardSigmoid",
    { alpha: 1 / 6, beta: 0.5 },
  ],
];

/** x and then nodes of which each may read any before it, by number. */
function written(steps: readonly Step[], outputs: readonly string[] = []): Graph {
  const constants = new Map<string, Tensor>();
  const nodes = steps.map(([op, operands], i) => {
    const inputs = operands.map((operand, place) => {
      if (typeof operand === "string") return operand;
      constants.set(`c${i}.${place}`, operand);
      return `c${i}.${place}`;
    });
    return { name: `${op}${i}`, op, inputs, outputs: [String(i)], attrs: {} };
  });
  return {
    name: "written out",
    nodes,
    inputs: [{ name: "x", dtype: "float32", shape: [2, 3, 6, 5] }],
    outputs: [String(steps.length - 1), ...outputs].map((name) => {
      return { name, dtype: "float32" as const, shape: [2, 3, 6, 5] };
    }),
    constants,
  };
}

describe("simplify makes one node of", () => {
  const x = randomTensor([2, 3, 6, 5], 40, -7, 7);

  test.each(oneActivation)("%s", async (_claim, steps, op, attrs) => {
    const graph = written(steps);
    const simple = simplify(graph);
    expect(simple.nodes.map((node) => [node.op, node.attrs])).toEqual([[op, attrs]]);
    expect([...simple.constants]).toEqual([]);
    expectSame(await runOn(reference, simple, { x }), await runOn(reference, graph, { x }));
  });

  test("none of these where what is between is read elsewhere", () => {
    for (const [, steps] of oneActivation) {
      const graph = written(steps, ["0"]);
      expect(simplify(graph).nodes.map(({ op }) => op)).toEqual(steps.map(([op]) => op));
    }
  });

  test("an activation that is nearly one of these stays as it is", () => {
    const steps: Step[] = [
      ["Div", ["x", scalar(1.4)]],
      ["Erf", ["0"]],
      ["Add", ["1", scalar(1)]],
      ["Mul", ["x", "2"]],
      ["Mul", ["3", half]],
    ];
    expect(simplify(written(steps)).nodes).toHaveLength(5);
  });
});

describe("simplify", () => {
  test.each(rows)("%s", async (_claim, x, layers, ops) => {
    const { graph, inputs } = chain(x, layers);
    const simple = simplify(graph, { shapes: { x: x.shape } });
    expect(simple.nodes.map(({ op }) => op)).toEqual(ops);
    expectSame(await runOn(reference, simple, inputs), await runOn(reference, graph, inputs));
  });

  test("makes every Gemm weight [outputs, inputs]", () => {
    const { graph } = chain(vectorA, [{ op: "MatMul", constants: [matrix] }]);
    const [gemm] = simplify(graph).nodes;
    expect(gemm.attrs).toEqual({ transB: 1 });
    expect(simplify(graph).constants.get(gemm.inputs[1])).toMatchObject({ shape: [5, 6] });
  });

  test("folds nothing into a Conv whose result has another reader", async () => {
    const { graph, inputs } = chain(image, [conv, normalization(4)]);
    const twice: Graph = {
      ...graph,
      outputs: [...graph.outputs, { name: "v0", dtype: "float32", shape: [2, 4, 4, 3] }],
    };
    expect(simplify(twice).nodes.map(({ op }) => op)).toEqual(["Conv", "Mul", "Add"]);
    expectSame(await runOn(reference, simplify(twice), inputs), await runOn(reference, twice, inputs));
  });

  test("keeps a weight that two nodes share as it is for the other", async () => {
    const { graph, inputs } = chain(r([1, 3, 5, 5], 24), [
      { op: "Conv", constants: [r([3, 3, 3, 3], 25)] },
      normalization(3),
      { op: "Conv", constants: [r([3, 3, 3, 3], 26)] },
    ]);
    const nodes = graph.nodes.map((node) =>
      node.name === "Conv2" ? { ...node, inputs: [node.inputs[0], "c0.0"] } : node,
    );
    const shared = { ...graph, nodes };
    const simple = simplify(shared);
    expect(simple.nodes.map(({ op }) => op)).toEqual(["Conv", "Conv"]);
    expectSame(await runOn(reference, simple, inputs), await runOn(reference, shared, inputs));
  });

  test("computes what depends on constants alone, and drops what is not read", () => {
    const { graph } = chain(image, [{ op: "Add", constants: [r([], 27)] }]);
    const withShape: Graph = {
      ...graph,
      nodes: [
        { name: "unsqueeze", op: "Unsqueeze", inputs: ["c0.0", "axes"], outputs: ["column"], attrs: {} },
        { ...graph.nodes[0], inputs: ["x", "column"] },
        { name: "unread", op: "Relu", inputs: ["x"], outputs: ["nothing"], attrs: {} },
      ],
      constants: new Map<string, Tensor>([
        ["c0.0", r([3], 27)],
        ["axes", ints(1, 2)],
        ["unread", r([9], 28)],
      ]),
    };
    const simple = simplify(withShape);
    expect(simple.nodes.map(({ op }) => op)).toEqual(["Add"]);
    expect([...simple.constants.keys()]).toEqual(["column"]);
    expect(simple.constants.get("column")).toMatchObject({ shape: [3, 1, 1] });
  });

  test("computes the same for any row of layers, at another batch size too", async () => {
    const layer = fc.constantFrom<Layer>(
      { op: "Conv", constants: [r([3, 3, 1, 1], 31), r([3], 32)] },
      { op: "Conv", constants: [r([3, 1, 3, 3], 33)], attrs: { group: 3, pads: [1, 1, 1, 1] } },
      normalization(3),
      relu,
      identity,
      pad(0, 0, 1, 0, 0, 0, 0, 1),
      { op: "AveragePool", attrs: { kernel_shape: [2, 2], pads: [1, 0, 1, 1], count_include_pad: 1 } },
      { op: "Mul", constants: [r([3, 1, 1], 34)] },
      { op: "Add", constants: [r([1, 3, 1, 1], 35)] },
      { op: "Sub", constants: [r([], 36)] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(layer, { minLength: 1, maxLength: 7 }),
        fc.nat(),
        async (layers, seed) => {
          const { graph, inputs } = chain(r([3, 3, 4, 4], seed), layers);
          expectSame(
            await runOn(reference, simplify(graph), inputs),
            await runOn(reference, graph, inputs),
          );
        },
      ),
      { numRuns: 150, seed: 5 },
    );
  });
});

test("simplify makes a Slice of each part of a Split", async () => {
  const x = randomTensor([2, 9, 3], 50);
  const graph: Graph = {
    name: "parts",
    nodes: [
      {
        name: "split",
        op: "Split",
        inputs: ["x", "sizes"],
        outputs: ["a", "b", "c"],
        attrs: { axis: 1 },
      },
      { name: "sum", op: "Concat", inputs: ["c", "a"], outputs: ["y"], attrs: { axis: 1 } },
    ],
    inputs: [{ name: "x", dtype: "float32", shape: [2, 9, 3] }],
    outputs: [{ name: "y", dtype: "float32", shape: [2, 6, 3] }],
    constants: new Map([["sizes", ints(2, 3, 4)]]),
  };
  const simple = simplify(graph);
  expect(simple.nodes.map(({ op }) => op)).toEqual(["Slice", "Slice", "Concat"]);
  expectSame(await runOn(reference, simple, { x }), await runOn(reference, graph, { x }));
});
