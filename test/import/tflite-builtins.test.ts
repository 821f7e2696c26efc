/** Operators that other tools write into TFLite files: LiteRT.js, and both backends on what is read, compute the same. */
import { expect, test } from "vitest";
import { type Draft, writeFlatBuffer } from "../../pruner/export/tflite/flatbuffer.ts";
import { activations, builtinOperators, paddings } from "../../pruner/import/tflite/schema.ts";
import { importTflite } from "../../pruner/import/tflite.ts";
import { simplify } from "../../pruner/simplify.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { randomTensor } from "../random.ts";
import { inOrderOf, runLitert, toInputsOf } from "./tflite-oracle.ts";

interface Case {
  readonly op: keyof typeof builtinOperators;
  readonly inputs: readonly (readonly number[] | Constant)[]; // shapes of what is given, NHWC
  readonly outputs: readonly (readonly number[])[];
  readonly options?: Draft<"Operator">["options"];
  readonly tolerance?: number; // where LiteRT.js rounds what is given
  readonly range?: readonly [low: number, high: number]; // of what is given; by default -1 to 1
}

interface Constant {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array | Int8Array;
  readonly scale?: readonly number[]; // of int8, along the first dimension
}

const ints = (...values: number[]): Constant => ({
  shape: [values.length],
  values: Int32Array.from(values),
});
const int = (value: number): Constant => ({ shape: [], values: Int32Array.of(value) });
const floats = (...shape: number[]): Constant => {
  return { shape, values: randomTensor(shape, shape.length).data as Float32Array };
};
const image = [1, 5, 4, 6];
const same = { padding: paddings.same, strideW: 2, strideH: 2 } as const;
const reducer = { kind: "ReducerOptions", keepDims: 1 } as const;
const elementwise = "ABS CEIL COS ELU EXP FLOOR NEG ROUND SIN SQUARE RELU_N1_TO_1 TANH LOGISTIC".split(
  " ",
);

const rows: [claim: string, Case][] = [
  ...elementwise.map((op): [string, Case] => [
    op,
    { op: op as Case["op"], inputs: [image], outputs: [image], range: [-3, 3] },
  ]),
  ["a slope for each channel", { op: "PRELU", inputs: [image, floats(1, 1, 6)], outputs: [image] }],
  ["POW", { op: "POW", inputs: [image, image], outputs: [image], range: [0.5, 2] }],
  ["the larger of two images", { op: "MAXIMUM", inputs: [image, image], outputs: [image] }],
  ["the smaller of an image and a row", { op: "MINIMUM", inputs: [image, floats(6)], outputs: [image] }],
  [
    "a split of channels",
    {
      op: "SPLIT",
      inputs: [int(3), image],
      outputs: Array.from({ length: 3 }, () => [1, 5, 4, 2]),
      options: { kind: "SplitOptions", count: 3 },
    },
  ],
  [
    "a split of rows into different sizes",
    {
      op: "SPLIT_V",
      inputs: [image, ints(1, -1, 2), int(1)],
      outputs: [
        [1, 1, 4, 6],
        [1, 2, 4, 6],
        [1, 2, 4, 6],
      ],
      options: { kind: "SplitVOptions", count: 3 },
    },
  ],
  [
    "rows one by one",
    {
      op: "UNPACK",
      inputs: [image],
      outputs: Array.from({ length: 5 }, () => [1, 4, 6]),
      options: { kind: "UnpackOptions", count: 5, axis: 1 },
    },
  ],
  [
    "matrices as one tensor",
    {
      op: "PACK",
      inputs: [
        [3, 4],
        [3, 4],
      ],
      outputs: [[3, 2, 4]],
      options: { kind: "PackOptions", count: 2, axis: 1 },
    },
  ],
  [
    "rows of a table",
    {
      op: "GATHER",
      inputs: [[7, 3], ints(6, 0, 0, 2)],
      outputs: [[4, 3]],
      options: { kind: "GatherOptions" },
    },
  ],
  ["TILE", { op: "TILE", inputs: [[2, 3], ints(2, 3)], outputs: [[4, 9]] }],
  ["EXPAND_DIMS", { op: "EXPAND_DIMS", inputs: [[2, 3], int(1)], outputs: [[2, 1, 3]] }],
  [
    "an image mirrored at its borders",
    {
      op: "MIRROR_PAD",
      inputs: [image, { shape: [4, 2], values: Int32Array.of(0, 0, 2, 1, 1, 3, 0, 0) }],
      outputs: [[1, 8, 8, 6]],
      options: { kind: "MirrorPadOptions", mode: 0 },
    },
  ],
  [
    "blocks of pixels as channels",
    {
      op: "SPACE_TO_DEPTH",
      inputs: [[1, 4, 6, 3]],
      outputs: [[1, 2, 3, 12]],
      options: { kind: "SpaceToDepthOptions", blockSize: 2 },
    },
  ],
  ...(["SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "MEAN"] as const).map((op): [string, Case] => [
    `${op} of the channels`,
    { op, inputs: [image, ints(3)], outputs: [[1, 5, 4, 1]], options: reducer },
  ]),
  ...[[0.02], [0.01, 0.02, 0.005]].map((scale): [string, Case] => [
    `weights of int8 with ${scale.length > 1 ? "a scale for each output" : "one scale"}`,
    {
      op: "FULLY_CONNECTED",
      inputs: [
        [4, 8],
        {
          shape: [3, 8],
          values: Int8Array.from({ length: 24 }, (_, i) => ((i * 53) % 255) - 127),
          scale,
        },
        floats(3),
      ],
      outputs: [[4, 3]],
      options: { kind: "FullyConnectedOptions" },
      tolerance: 0.02,
    },
  ]),
  [
    "a transposed convolution",
    {
      op: "TRANSPOSE_CONV",
      inputs: [ints(1, 10, 8, 3), floats(3, 3, 3, 6), image, floats(3)],
      outputs: [[1, 10, 8, 3]],
      options: { kind: "TransposeConvOptions", ...same, activation: activations.relu },
    },
  ],
  [
    "one of an odd size, without a bias",
    {
      op: "TRANSPOSE_CONV",
      inputs: [ints(1, 9, 7, 3), floats(3, 2, 4, 6), image],
      outputs: [[1, 9, 7, 3]],
      options: { kind: "TransposeConvOptions", ...same },
    },
  ],
  [
    "one that is not padded",
    {
      op: "TRANSPOSE_CONV",
      inputs: [ints(1, 11, 9, 3), floats(3, 3, 3, 6), image],
      outputs: [[1, 11, 9, 3]],
      options: { kind: "TransposeConvOptions", ...same, padding: paddings.valid },
    },
  ],
];

test.each(rows)("%s", async (_claim, given) => {
  const file = fileOf(given);
  const graph = importTflite(file);
  const [low, high] = given.range ?? [-1, 1];
  const inputs = Object.fromEntries(
    graph.inputs.map(({ name, shape }, i) => [name, randomTensor(shape as number[], 5 + i, low, high)]),
  );
  const expected = await runLitert(file, inputs);
  expect(Object.keys(expected)).toHaveLength(given.outputs.length);
  const own = await runOn(reference, graph, toInputsOf(graph, inputs));
  expectSame(inOrderOf(expected, own), expected, given.tolerance);
  expectSame(inOrderOf(expected, await runOn(wasm, simplify(graph), inputs)), expected, given.tolerance);
});

/** A file of one operator. */
function fileOf({ op, inputs, outputs, options }: Case): Uint8Array {
  const buffers: Draft<"Buffer">[] = [{}];
  const tensors = [...inputs, ...outputs].map((value, i): Draft<"Tensor"> => {
    const name = i < inputs.length ? `x${i}` : `y${i - inputs.length}`;
    if (Array.isArray(value)) return { name, shape: value };
    const { shape, values, scale } = value as Constant;
    const data = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
    const type = values instanceof Int8Array ? 9 : values instanceof Int32Array ? 2 : 0;
    const quantization = scale && { scale, zeroPoint: scale.map(() => 0), quantizedDimension: 0 };
    return { name, shape, type, quantization, buffer: buffers.push({ data }) - 1 };
  });
  const places = [...tensors.keys()];
  const computed = (place: number) => tensors[place].buffer === undefined;
  const builtinCode = builtinOperators[op];
  const version = op === "TRANSPOSE_CONV" ? 3 : op === "PRELU" || op === "MIRROR_PAD" ? 1 : undefined;
  return writeFlatBuffer({
    version: 3,
    operatorCodes: [{ builtinCode, deprecatedBuiltinCode: Math.min(builtinCode, 127), version }],
    subgraphs: [
      {
        tensors,
        inputs: places.slice(0, inputs.length).filter(computed),
        outputs: places.slice(inputs.length),
        operators: [
          { inputs: places.slice(0, inputs.length), outputs: places.slice(inputs.length), options },
        ],
      },
    ],
    buffers,
  });
}
