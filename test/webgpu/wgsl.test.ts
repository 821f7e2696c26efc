/** The text of every kernel, as files to read and to compare: wgsl/. No GPU is asked for. */
import { expect, test } from "vitest";
import { bind } from "../../runtime/backends/webgpu/bind.ts";
import { pictureKernel } from "../../runtime/backends/webgpu/picture.ts";
import type { Attr, Graph, Node } from "../../runtime/model/graph.ts";
import type { SparseTensor } from "../../runtime/model/sparse/format.ts";
import { encodeWeight } from "../../runtime/model/sparse/index.ts";
import { type Shape, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { randomMask } from "../formats/examples.ts";
import { randomTensor } from "../random.ts";

type Link = [
  op: string,
  others: readonly (Tensor | SparseTensor | Shape)[],
  attrs?: Record<string, Attr>,
];

const blocks = (shape: Shape) =>
  encodeWeight(randomTensor(shape, 1), randomMask(shape, { kind: "block", rows: 16, cols: 8 }, 0.3, 2));
const ints = (...values: number[]) => tensor([values.length], Int32Array.from(values), "int32");

/** Each operator reads the result of the one before, and what is beside it: constants, or inputs of a shape. */
const kernels: [file: string, x: Shape, links: Link[]][] = [
  [
    "conv_16x8",
    [1, 64, 14, 14],
    [
      ["Conv", [blocks([64, 64, 3, 3]), randomTensor([64], 3)], { pads: [1, 1, 1, 1] }],
      ["Add", [[1, 64, 14, 14]]],
      ["Relu", []],
    ],
  ],
  [
    "conv_point_16x8",
    [1, 64, 14, 14],
    [
      ["Conv", [blocks([64, 64, 1, 1])]],
      ["Swish", []],
    ],
  ],
  [
    "conv_64x8_dense",
    [1, 64, 14, 14],
    [["Conv", [randomTensor([64, 64, 3, 3], 4)], { strides: [2, 2] }]],
  ],
  [
    "gemm_16x8",
    [50, 64],
    [
      ["Gemm", [blocks([64, 64]), randomTensor([64], 5)], { transB: 1 }],
      ["Gelu", []],
    ],
  ],
  ["matmul", [1, 4, 50, 16], [["MatMul", [[1, 4, 16, 50]]]]],
  [
    "depthwise",
    [1, 16, 14, 14],
    [
      ["Conv", [randomTensor([16, 1, 3, 3], 6)], { group: 16, pads: [1, 1, 1, 1] }],
      ["HardSwish", []],
    ],
  ],
  ["max_pool", [1, 16, 14, 14], [["MaxPool", [], { kernel_shape: [3, 3], strides: [2, 2] }]]],
  ["average_pool", [1, 16, 14, 14], [["AveragePool", [], { kernel_shape: [2, 2], strides: [2, 2] }]]],
  ["global_pool", [1, 16, 14, 14], [["GlobalAveragePool", []]]],
  ["softmax", [4, 50, 50], [["Softmax", []]]],
  [
    "layer_norm",
    [50, 64],
    [["LayerNormalization", [randomTensor([64], 7), randomTensor([64], 8)], { axis: -1 }]],
  ],
  [
    "elements",
    [1, 16, 7, 7],
    [
      ["Mul", [randomTensor([1, 16, 1, 1], 9)]],
      ["Add", [[1, 16, 7, 7]]],
      ["Clip", [tensor([], Float32Array.of(0)), tensor([], Float32Array.of(6))]],
    ],
  ],
  ["transpose", [2, 3, 4], [["Transpose", [], { perm: [2, 0, 1] }]]],
  ["pad", [2, 3, 4], [["Pad", [ints(0, 1, 0, 0, 1, 2)], { mode: "reflect" }]]],
  [
    "resize",
    [1, 3, 5, 5],
    [
      [
        "Resize",
        [tensor([0], new Float32Array()), tensor([4], Float32Array.of(1, 1, 2, 2))],
        { mode: "linear" },
      ],
    ],
  ],
];

const halves = kernels.flatMap(([file, shape, links]) =>
  ["conv_16x8", "gemm_16x8", "matmul"].includes(file) ? [[`${file}_f16`, shape, links] as const] : [],
);

/** A layer of enough pixels for it. */
const broadcasts: typeof kernels = [
  [
    "conv_point_16x8_subgroups",
    [1, 64, 28, 28],
    [
      ["Conv", [blocks([64, 64, 1, 1])]],
      ["Swish", []],
    ],
  ],
];

test.each([...kernels, ...halves, ...broadcasts])(
  "the kernel of %s is the text that is kept",
  async (file, shape, links) => {
    const { segments } = bind(
      plan(chain(shape, links)),
      {},
      { isHalf: file.endsWith("_f16"), lanes: file.endsWith("_subgroups") ? 32 : 0 },
    );
    expect(segments).toHaveLength(1);
    const [{ dispatches, hosted }] = segments;
    expect([dispatches.length, hosted.length]).toEqual([1, 0]);
    const [{ code, constants, workgroups }] = dispatches;
    const overrides = Object.entries(constants).map(([name, value]) => `${name} = ${value}`);
    const head = `// ${workgroups.join(" x ")} workgroups; ${overrides.join(", ")}\n`;
    await expect(head + code).toMatchFileSnapshot(`wgsl/${file}.wgsl`);
  },
);

test.each([
  ["picture_frame", true, false],
  ["picture_bitmap_to_bytes", false, true],
] as const)("the kernel of %s is the text that is kept", async (file, isFrame, isByte) => {
  await expect(pictureKernel(isFrame, isByte)).toMatchFileSnapshot(`wgsl/${file}.wgsl`);
});

function chain(shape: Shape, links: readonly Link[]): Graph {
  const constants = new Map<string, Tensor | SparseTensor>();
  const inputs = [{ name: "x", dtype: "float32" as const, shape }];
  let last = "x";
  const nodes = links.map(([op, others, attrs = {}], i): Node => {
    const names = others.map((other, j) => {
      const name = `${op}${i}.${j}`;
      if (Array.isArray(other)) inputs.push({ name, dtype: "float32", shape: other as Shape });
      else constants.set(name, other as Tensor);
      return name;
    });
    const given = op === "Resize" ? [last, "", ...names.slice(1)] : [last, ...names];
    last = `${op}${i}`;
    return { name: last, op, inputs: given, outputs: [last], attrs };
  });
  const outputs = [{ name: last, dtype: "float32" as const, shape: [] }];
  return { name: "chain", nodes, inputs, outputs, constants };
}
