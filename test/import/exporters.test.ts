/** What exporters write beyond the plain forms: it is read, runs on both backends, and is what ONNX Runtime computes. */
import { expect, test } from "vitest";
import { importOnnx } from "../../pruner/import/onnx.ts";
import { attributeTypes, dataTypes } from "../../pruner/import/onnx-types.ts";
import { simplify } from "../../pruner/simplify.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { runOnnx } from "../oracle/ort.ts";
import { randomTensor } from "../random.ts";
import {
  type AttributeInit,
  float,
  float32,
  int,
  int64,
  ints,
  type ModelInit,
  model,
  type NodeInit,
  type TensorInit,
} from "./onnx-model.ts";

const text = (name: string, s: string): AttributeInit => {
  return { name, type: attributeTypes.string, s: new TextEncoder().encode(s) };
};
const to = (
  output: string,
  opType: string,
  input: string[],
  ...attribute: AttributeInit[]
): NodeInit => {
  return { opType, input, output: [output], attribute };
};
const weights = (name: string, ...dims: number[]): TensorInit => {
  return float32(name, dims, [...randomTensor(dims, dims.length).data]);
};
const int8 = (name: string, dims: number[], data: number[]): TensorInit => ({
  name,
  dims: dims.map(BigInt),
  dataType: dataTypes.int8,
  rawData: new Uint8Array(Int8Array.from(data).buffer),
});
const uint8 = (name: string, value: number): TensorInit => {
  return { name, dataType: dataTypes.uint8, int32Data: [value] };
};

const image = ["batch", 3, 7, 6];
const volume = ["batch", 4, 5, 6, 7];
const cubic = [text("mode", "cubic"), float("cubic_coeff_a", -0.75)];

const rows: [claim: string, init: ModelInit, size: readonly number[]][] = [
  [
    "PyTorch's bicubic interpolation",
    {
      shape: image,
      nodes: [to("y", "Resize", ["x", "", "scales"], ...cubic)],
      initializers: [float32("scales", [4], [1, 1, 2, 1.5])],
    },
    [2, 3, 7, 6],
  ],
  [
    "with align_corners, to a size",
    {
      shape: [1, 3, 7, 6],
      nodes: [
        to(
          "y",
          "Resize",
          ["x", "", "", "sizes"],
          ...cubic,
          text("coordinate_transformation_mode", "align_corners"),
        ),
      ],
      initializers: [int64("sizes", 1, 3, 4, 11)],
    },
    [1, 3, 7, 6],
  ],
  [
    "bilinear interpolation that is antialiased",
    {
      opset: 18,
      shape: image,
      nodes: [to("y", "Resize", ["x", "", "scales"], text("mode", "linear"), int("antialias", 1))],
      initializers: [float32("scales", [4], [1, 1, 0.5, 0.5])],
    },
    [2, 3, 7, 6],
  ],
  [
    "a LayerNormalization whose mean and deviation are read",
    {
      opset: 17,
      shape: image,
      nodes: [
        {
          opType: "LayerNormalization",
          input: ["x", "scale"],
          output: ["n", "mean", "factor"],
          attribute: [int("axis", 2)],
        },
        to("m", "Mul", ["n", "factor"]),
        to("y", "Add", ["m", "mean"]),
      ],
      initializers: [weights("scale", 7, 6)],
    },
    [2, 3, 7, 6],
  ],
  [
    "a MaxPool whose places are read",
    {
      shape: image,
      nodes: [
        {
          opType: "MaxPool",
          input: ["x"],
          output: ["most", "places"],
          attribute: [ints("kernel_shape", 2, 2), ints("strides", 2, 2)],
        },
        to("there", "Cast", ["places"], int("to", 1)),
        to("y", "Add", ["most", "there"]),
      ],
    },
    [2, 3, 7, 6],
  ],
  [
    "a convolution of volumes in groups, with strides, dilations and pads",
    {
      shape: volume,
      nodes: [
        to(
          "y",
          "Conv",
          ["x", "w", "b"],
          int("group", 2),
          ints("strides", 2, 1, 2),
          ints("dilations", 1, 2, 1),
          ints("pads", 1, 2, 1, 0, 2, 1),
        ),
      ],
      initializers: [weights("w", 6, 2, 3, 3, 3), weights("b", 6)],
    },
    [2, 4, 5, 6, 7],
  ],
  [
    "a ConvTranspose of volumes",
    {
      shape: volume,
      nodes: [to("y", "ConvTranspose", ["x", "w", "b"], ints("strides", 2, 2, 2))],
      initializers: [weights("w", 4, 2, 2, 3, 2), weights("b", 2)],
    },
    [2, 4, 5, 6, 7],
  ],
  [
    "pools of volumes",
    {
      shape: volume,
      nodes: [
        to("m", "MaxPool", ["x"], ints("kernel_shape", 3, 2, 3), ints("pads", 1, 1, 1, 1, 1, 1)),
        to("y", "AveragePool", ["m"], ints("kernel_shape", 2, 3, 2), ints("pads", 1, 1, 0, 1, 1, 0)),
      ],
    },
    [2, 4, 5, 6, 7],
  ],
  [
    "quantized weights and activations, each value's scale for itself or for a channel",
    {
      shape: image,
      nodes: [
        to("xq", "QuantizeLinear", ["x", "xs", "xz"]),
        to("xd", "DequantizeLinear", ["xq", "xs", "xz"]),
        to("wd", "DequantizeLinear", ["w", "ws", "wz"], int("axis", 0)),
        to("c", "Conv", ["xd", "wd"]),
        to("r", "Relu", ["c"]),
        to("rq", "QuantizeLinear", ["r", "rs", "rz"]),
        to("y", "DequantizeLinear", ["rq", "rs", "rz"]),
      ],
      initializers: [
        float32("xs", [], [0.0078]),
        uint8("xz", 127),
        int8(
          "w",
          [2, 3, 3, 3],
          Array.from({ length: 54 }, (_, i) => ((i * 37) % 255) - 127),
        ),
        float32("ws", [2], [0.01, 0.02]),
        int8("wz", [2], [0, 0]),
        float32("rs", [], [0.05]),
        uint8("rz", 0),
      ],
    },
    [2, 3, 7, 6],
  ],
];

test.each(rows)("%s", async (_claim, init, size) => {
  const bytes = model(init);
  const x = randomTensor(size, 3);
  const expected = await runOnnx(bytes, { x });
  expect(expected.y.data.some((value) => value !== 0)).toBe(true);
  const graph = importOnnx(bytes);
  expectSame(await runOn(reference, graph, { x }), expected);
  expectSame(await runOn(wasm, simplify(graph), { x }), expected);
});
