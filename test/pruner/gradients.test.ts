/**
 * Gradients, run by ONNX Runtime in float32, against finite differences of the loss by the operators' references, run
 * in float64: every Float32Array is one of doubles while they are.
 */
import { expect, test, vi } from "vitest";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import { stepNames, trainingStep } from "../../pruner/train/autodiff.ts";
import { gradients } from "../../pruner/train/gradients/index.ts";
import { ortNode } from "../../pruner/train/ort-node.ts";
import { normal, permutation, random } from "../../pruner/train/random.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type Shape, sizeOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { operatorOf } from "../../runtime/ops/index.ts";
import { plan } from "../../runtime/plan.ts";

const Single = vi.hoisted(() => {
  const single = globalThis.Float32Array;
  globalThis.Float32Array = Float64Array as unknown as Float32ArrayConstructor; // for all that is imported
  return single;
});
globalThis.Float32Array = Single;

const batch = 3;
const classes = 4;

const zeros = (shape: Shape) => tensor(shape, new Single(sizeOf(shape)));

function normals(shape: Shape, seed: number, scale = 1): Tensor<"float32"> {
  const draw = normal(random(seed));
  return tensor(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => draw() * scale),
  );
}

/** Values of which no two are nearer than 0.1 and none is nearer than 0.05 to 0: far from every kink. */
function apart(shape: Shape, seed: number): Tensor<"float32"> {
  const order = permutation(sizeOf(shape), random(seed));
  return tensor(
    shape,
    Float32Array.from(order, (i) => (i - order.length / 2 + 0.5) / 10),
  );
}

interface Case {
  readonly op: keyof typeof gradients;
  readonly name?: string;
  readonly attrs?: Node["attrs"];
  readonly x: Shape; // without the batch
  readonly constants?: readonly Tensor[];
  readonly kinks?: boolean;
  readonly reversed?: boolean; // the constant comes first
  readonly twice?: boolean; // x is both inputs
  readonly second?: boolean; // x is the second input, behind the first constant
  readonly positive?: boolean; // the operator is not defined elsewhere
  readonly outputs?: number; // of which the first is used; 1 unless given
}

const w = (...shape: number[]) => normals(shape, sizeOf(shape), 0.4);
const ints = (...values: number[]) => tensor([values.length], Int32Array.from(values), "int32");
const bools = (...values: number[]) => tensor([values.length], Uint8Array.from(values), "bool");
const positive = (...shape: number[]) => {
  const { data } = normals(shape, sizeOf(shape), 0.3);
  return tensor(
    shape,
    data.map((value) => 1 + Math.abs(value)),
  );
};
const pads = [1, 1, 1, 1];

const cases: Case[] = [
  { op: "Conv", name: "3x3", attrs: { pads }, x: [3, 6, 5], constants: [w(4, 3, 3, 3), w(4)] },
  { op: "Conv", name: "1x1", x: [3, 4, 4], constants: [w(5, 3, 1, 1)] },
  {
    op: "Conv",
    name: "3x3 stride 2",
    attrs: { pads, strides: [2, 2] },
    x: [3, 7, 8],
    constants: [w(4, 3, 3, 3)],
  },
  {
    op: "Conv",
    name: "1x1 stride 2",
    attrs: { strides: [2, 2] },
    x: [3, 6, 7],
    constants: [w(4, 3, 1, 1)],
  },
  {
    op: "Conv",
    name: "5x3 uneven pads",
    attrs: { pads: [2, 0, 1, 1] },
    x: [2, 6, 6],
    constants: [w(3, 2, 5, 3)],
  },
  {
    op: "Conv",
    name: "dilated",
    attrs: { pads: [2, 2, 2, 2], dilations: [2, 2] },
    x: [2, 6, 6],
    constants: [w(3, 2, 3, 3)],
  },
  {
    op: "Conv",
    name: "pads beyond the kernel",
    attrs: { pads: [3, 3, 3, 3] },
    x: [2, 4, 4],
    constants: [w(3, 2, 3, 3)],
  },
  { op: "Conv", name: "no pads", x: [2, 5, 5], constants: [w(3, 2, 3, 3)] },
  {
    op: "Conv",
    name: "SAME_UPPER",
    attrs: { auto_pad: "SAME_UPPER", strides: [2, 2] },
    x: [2, 6, 6],
    constants: [w(3, 2, 3, 3)],
  },
  {
    op: "Conv",
    name: "depthwise",
    attrs: { group: 4, pads },
    x: [4, 5, 5],
    constants: [w(4, 1, 3, 3), w(4)],
  },
  {
    op: "Conv",
    name: "depthwise stride 2",
    attrs: { group: 4, pads, strides: [2, 2] },
    x: [4, 6, 6],
    constants: [w(4, 1, 3, 3)],
  },
  {
    op: "Conv",
    name: "in groups",
    attrs: { group: 2, pads },
    x: [4, 5, 5],
    constants: [w(6, 2, 3, 3), w(6)],
  },
  {
    op: "Conv",
    name: "in groups, stride 2",
    attrs: { group: 3, pads, strides: [2, 2] },
    x: [6, 5, 6],
    constants: [w(3, 2, 3, 3)],
  },
  {
    op: "Conv",
    name: "depthwise, two filters a channel",
    attrs: { group: 3, pads },
    x: [3, 4, 5],
    constants: [w(6, 1, 3, 3)],
  },
  { op: "Gemm", name: "transB", attrs: { transB: 1 }, x: [6], constants: [w(5, 6), w(5)] },
  {
    op: "Gemm",
    name: "alpha, beta",
    attrs: { alpha: 0.5, beta: 2 },
    x: [6],
    constants: [w(6, 5), w(1, 5)],
  },
  { op: "MatMul", x: [5, 6], constants: [w(6, 4)] },
  { op: "MatMul", name: "constant first", x: [6, 5], constants: [w(4, 6)], reversed: true },
  { op: "Add", x: [3, 4, 4], constants: [w(3, 1, 1)] },
  { op: "Add", name: "to itself", x: [3, 4], twice: true },
  { op: "Sub", x: [3, 4, 4], constants: [w(1, 3, 1, 4)] },
  { op: "Mul", x: [3, 4, 4], constants: [w(3, 1, 1)] },
  { op: "Mul", name: "by itself", x: [3, 4], twice: true },
  { op: "Relu", x: [3, 4, 4], kinks: true },
  {
    op: "Clip",
    x: [3, 4],
    constants: [tensor([], Float32Array.of(-1)), tensor([], Float32Array.of(0.7))],
    kinks: true,
  },
  { op: "Sigmoid", x: [3, 4] },
  { op: "Swish", x: [3, 4] },
  { op: "Swish", name: "of another slope", attrs: { alpha: 1.702 }, x: [3, 4] },
  { op: "Gelu", x: [3, 4] },
  { op: "Gelu", name: "by tanh", attrs: { approximate: "tanh" }, x: [3, 4] },
  { op: "HardSwish", x: [3, 5, 6], kinks: true }, // -4.5 to 4.5
  { op: "HardSigmoid", x: [3, 5, 6], kinks: true },
  { op: "LeakyRelu", attrs: { alpha: 0.1 }, x: [3, 4], kinks: true },
  { op: "Tanh", x: [3, 4] },
  { op: "Erf", x: [3, 4] },
  { op: "Exp", x: [3, 4] },
  { op: "Neg", x: [3, 4] },
  { op: "Elu", attrs: { alpha: 0.7 }, x: [3, 4], kinks: true },
  { op: "PRelu", x: [3, 4, 4], constants: [w(3, 1, 1)], kinks: true },
  { op: "Softplus", x: [3, 4] },
  { op: "Mish", x: [3, 4] },
  { op: "Abs", x: [3, 4], kinks: true },
  { op: "Log", x: [3, 4], positive: true },
  { op: "Sqrt", x: [3, 4], positive: true },
  { op: "Reciprocal", x: [3, 4], positive: true },
  { op: "Div", x: [3, 4, 4], constants: [positive(3, 1, 1)] },
  { op: "Div", name: "of a constant", x: [3, 4], constants: [w(4)], reversed: true, positive: true },
  { op: "Pow", x: [3, 4], constants: [tensor([], Single.of(3))], positive: true },
  { op: "Max", x: [3, 4], constants: [w(4)], kinks: true },
  { op: "Min", x: [3, 4], constants: [w(3, 4)], kinks: true },
  { op: "Where", x: [3, 4], constants: [bools(1, 0, 0, 1), w(3, 4)], second: true },
  { op: "Expand", x: [1, 4], constants: [ints(batch, 3, 4)] },
  { op: "ReduceSum", attrs: { axes: [1, -1], keepdims: 0 }, x: [3, 4, 2] },
  { op: "ReduceMax", attrs: { axes: [2], keepdims: 0 }, x: [3, 4], kinks: true },
  { op: "ReduceMin", attrs: { axes: [1, 2] }, x: [3, 4, 2], kinks: true },
  { op: "GlobalMaxPool", x: [3, 4, 5], kinks: true },
  { op: "ReduceMean", attrs: { axes: [2, 3] }, x: [3, 4, 2] },
  { op: "Softmax", attrs: { axis: -1 }, x: [3, 5] },
  { op: "Softmax", name: "along another axis", attrs: { axis: 1 }, x: [3, 5] },
  { op: "LayerNormalization", attrs: { axis: -1 }, x: [3, 8], constants: [w(8), w(8)] },
  {
    op: "LayerNormalization",
    name: "over two axes",
    attrs: { axis: 2 },
    x: [3, 4, 2],
    constants: [w(4, 2)],
  },
  { op: "Gather", attrs: { axis: 1 }, x: [3, 4], constants: [ints(2, 0, 2)] },
  {
    op: "Gather",
    name: "one place",
    attrs: { axis: 1 },
    x: [3, 4],
    constants: [tensor([], Int32Array.of(1), "int32")],
  },
  {
    op: "Resize",
    name: "nearest",
    attrs: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
    x: [2, 3, 4],
    constants: [tensor([0], new Single(0)), tensor([4], Single.of(1, 1, 2, 2))],
  },
  {
    op: "Resize",
    name: "linear",
    attrs: { mode: "linear" },
    x: [2, 3, 4],
    constants: [tensor([0], new Single(0)), tensor([4], Single.of(1, 1, 2, 1.5))],
  },
  { op: "Split", attrs: { axis: 1 }, x: [6, 2], constants: [ints(4, 2)], outputs: 2 },
  { op: "GlobalAveragePool", x: [3, 4, 5] },
  { op: "AveragePool", attrs: { kernel_shape: [2, 2], strides: [2, 2] }, x: [3, 5, 4] },
  {
    op: "AveragePool",
    name: "padded",
    attrs: { kernel_shape: [3, 3], strides: [2, 2], pads },
    x: [3, 6, 6],
  },
  {
    op: "AveragePool",
    name: "counting pads",
    attrs: { kernel_shape: [3, 3], pads, count_include_pad: 1 },
    x: [2, 5, 5],
  },
  { op: "MaxPool", attrs: { kernel_shape: [2, 2], strides: [2, 2] }, x: [3, 4, 5], kinks: true },
  {
    op: "MaxPool",
    name: "overlapping",
    attrs: { kernel_shape: [3, 3], strides: [2, 2], pads },
    x: [3, 6, 6],
    kinks: true,
  },
  { op: "Flatten", x: [3, 2, 2] },
  { op: "Reshape", x: [3, 2, 2], constants: [ints(0, 4, 3)] },
  { op: "Squeeze", x: [3, 1, 2], constants: [ints(2)] },
  { op: "Unsqueeze", x: [3, 2], constants: [ints(1)] },
  { op: "Transpose", attrs: { perm: [0, 2, 3, 1] }, x: [3, 2, 4] },
  { op: "Concat", attrs: { axis: 1 }, x: [3, 2], twice: true },
  { op: "Identity", x: [3, 2] },
  { op: "Pad", x: [3, 4], constants: [ints(0, 1, 2, 0, 0, 3)] },
  { op: "Pad", name: "cropping", x: [3, 4], constants: [ints(0, -1, 2, 0, 0, -1)] },
  ...["reflect", "edge", "wrap"].map(
    (mode): Case => ({
      op: "Pad",
      name: `by ${mode}`,
      attrs: { mode },
      x: [2, 4, 5],
      constants: [ints(0, 0, 2, 1, 0, 0, 1, 3)],
    }),
  ),
  { op: "Slice", x: [4, 5], constants: [ints(1), ints(3), ints(2)] },
  {
    op: "Slice",
    name: "by steps",
    x: [3, 6, 7],
    constants: [ints(0, 1), ints(6, 7), ints(2, 3), ints(2, 3)],
  },
  { op: "Slice", name: "backwards", x: [3, 7], constants: [ints(-1), ints(0), ints(2), ints(-2)] },
  {
    op: "BatchNormalization",
    x: [3, 4, 4],
    constants: [w(3), w(3), tensor([3], new Float32Array(3)), tensor([3], new Float32Array(3).fill(1))],
  },
];

test("every rule has a case", () => {
  expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(Object.keys(gradients)));
});

/** image * gain -> the operator -> sum over all but the batch by a trained matrix -> logits. */
function networkOf(probe: Case): Graph {
  const { op, attrs = {}, x, constants = [], reversed, twice, second } = probe;
  const names = constants.map((_, i) => `c${i}`);
  const inputs = twice
    ? ["x", "x"]
    : reversed
      ? [...names, "x"]
      : second
        ? [names[0], "x", ...names.slice(1)]
        : ["x", ...names];
  const outputs = ["y", "y2", "y3"].slice(0, probe.outputs ?? 1);
  const node = { name: "probed", op, inputs, outputs, attrs };
  const shaped = outputSize(node, x, constants);
  const gain = probe.positive ? positive(...x) : apart(x, 5);
  return {
    name: "probe",
    inputs: [{ name: "image", dtype: "float32", shape: ["batch", ...x] }],
    outputs: [{ name: "logits", dtype: "float32", shape: ["batch", classes] }],
    nodes: [
      // Add trains its constant: so the gradient of the operator's input is seen.
      { name: "lift", op: "Add", inputs: ["image", "gain"], outputs: ["x"], attrs: {} },
      node,
      { name: "flat", op: "Flatten", inputs: ["y"], outputs: ["f"], attrs: { axis: 1 } },
      { name: "head", op: "Gemm", inputs: ["f", "head"], outputs: ["logits"], attrs: {} },
    ],
    constants: new Map<string, Tensor>([
      ["gain", gain],
      ["head", normals([shaped, classes], 8, 0.3)],
      ...names.map((name, i) => [name, constants[i]] as const),
    ]),
  };
}

/** Elements of one image's result. */
function outputSize(node: Node, x: Shape, constants: readonly Tensor[]): number {
  const graph: Graph = {
    name: "size",
    inputs: [{ name: "x", dtype: "float32", shape: [batch, ...x] }],
    outputs: [{ name: "y", dtype: "float32", shape: [] }],
    nodes: [node],
    constants: new Map(constants.map((constant, i) => [`c${i}`, constant])),
  };
  return sizeOf(plan(graph).values.get("y")!.shape) / batch;
}

type Values = Readonly<Record<string, Tensor>>;

/** Mean cross-entropy of the network with these inputs and constants, in float64. */
function lossOf(graph: Graph, given: Values, labels: Tensor<"float32">): number {
  globalThis.Float32Array = Float64Array as unknown as Float32ArrayConstructor;
  try {
    const values = new Map<string, Tensor>();
    for (const [name, constant] of graph.constants) values.set(name, constant as Tensor);
    for (const [name, { dtype, shape, data }] of Object.entries(given)) {
      values.set(name, { dtype, shape, data: Float32Array.from(data) } as Tensor);
    }
    for (const node of graph.nodes.flatMap(inTraining)) {
      const inputs = node.inputs.map((name) => values.get(name));
      const operator = operatorOf(node.op)!;
      const outputs = operator.infer(
        node,
        inputs.map((value) => value && { ...value, value }),
      );
      operator.reference(node, inputs, outputs).forEach((y, i) => {
        values.set(node.outputs[i], y);
      });
    }
    const { data } = values.get("logits")!;
    let loss = 0;
    for (let row = 0; row < batch; row++) {
      const z = Array.from(data.subarray(row * classes, (row + 1) * classes));
      const most = Math.max(...z);
      const logSum = most + Math.log(z.reduce((sum, value) => sum + Math.exp(value - most), 0));
      for (const [c, value] of z.entries())
        loss += (labels.data[row * classes + c] * (logSum - value)) / batch;
    }
    return loss;
  } finally {
    globalThis.Float32Array = Single;
  }
}

/** BatchNormalization by the batch's own mean and variance. */
function inTraining(node: Node): Node[] {
  if (node.op !== "BatchNormalization") return [node];
  const [x, scale, shift] = node.inputs;
  const made = (op: string, inputs: string[], output: string, attrs: Node["attrs"] = {}): Node => ({
    name: output,
    op,
    inputs,
    outputs: [output],
    attrs,
  });
  const axes = { axes: [0, 2, 3], keepdims: 1 };
  return [
    made("ReduceMean", [x], "bn/mean", axes),
    made("Sub", [x, "bn/mean"], "bn/xc"),
    made("Mul", ["bn/xc", "bn/xc"], "bn/square"),
    made("ReduceMean", ["bn/square"], "bn/variance", axes),
    made("Add", ["bn/variance", "bn/epsilon"], "bn/sum"),
    made("Sqrt", ["bn/sum"], "bn/deviation"),
    made("Div", ["bn/xc", "bn/deviation"], "bn/xhat"),
    made("Reshape", [scale, "bn/perChannel"], "bn/scale"),
    made("Reshape", [shift, "bn/perChannel"], "bn/shift"),
    made("Mul", ["bn/xhat", "bn/scale"], "bn/scaled"),
    made("Add", ["bn/scaled", "bn/shift"], node.outputs[0]),
  ];
}

test.each(cases.map((c) => ({ ...c, title: `${c.op} ${c.name ?? ""}`.trim() })))(
  "the gradient of $title equals finite differences",
  async (probe) => {
    const graph = networkOf(probe);
    const step = trainingStep(graph, { batch });
    const program = await ortNode.compile(exportOnnx(step.graph), { threads: 1 });
    // Images of one value keep x = image + gain as far from kinks as gain is.
    const image =
      probe.kinks || probe.positive ? zeros([batch, ...probe.x]) : normals([batch, ...probe.x], 3);
    const labels = zeros([batch, classes]);
    for (let row = 0; row < batch; row++) labels.data[row * classes + row] = 1;
    const feeds: Record<string, Tensor<"float32">> = {
      [step.image]: image,
      [stepNames.labels]: labels,
    };
    for (const name of [...step.parameters, ...step.averages]) {
      feeds[name] = graph.constants.get(name) as Tensor<"float32">;
    }
    const constants: Values = {
      "bn/epsilon": tensor([], Float64Array.of(1e-5) as unknown as Float32Array),
      "bn/perChannel": ints(1, -1, 1, 1),
    };
    const { [stepNames.labels]: _, ...given } = feeds;
    const lossWith = (name: string, value: Float64Array) =>
      lossOf(
        { ...graph, constants: new Map([...graph.constants, ...Object.entries(constants)]) },
        { ...given, [name]: tensor(feeds[name].shape, value as unknown as Float32Array) },
        labels,
      );
    const results = await program.run(feeds);
    const [parameter] = step.parameters;
    const loss = lossWith(parameter, Float64Array.from(feeds[parameter].data));
    expect(Math.abs(results[stepNames.loss].data[0] / loss - 1)).toBeLessThan(1e-5);

    expect(step.parameters.length).toBeGreaterThanOrEqual(2);
    for (const name of step.parameters) {
      const gradient = results[stepNames.gradient(name)].data;
      const direction = normals(feeds[name].shape, 21).data;
      const at = (h: number) =>
        lossWith(
          name,
          Float64Array.from(feeds[name].data, (value, i) => value + h * direction[i]),
        );
      const h = 1e-4;
      const difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
      const along = gradient.reduce((sum, value, i) => sum + value * direction[i], 0);
      const size = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
      expect(size, name).toBeGreaterThan(1e-4);
      expect(Math.abs(along - difference) / size, name).toBeLessThan(2e-5);
    }
    await program.dispose();
  },
);
