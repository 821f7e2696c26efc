/**
 * Whole networks as TFLite: written ones compute on LiteRT.js what the Graph computes, real ones what ONNX Runtime
 * computes of the ONNX file of the same model.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { buildNetwork, zoo } from "../../demo/zoo/index.ts";
import { writeFlatBuffer } from "../../pruner/export/tflite/flatbuffer.ts";
import { exportTflite } from "../../pruner/export/tflite.ts";
import { readFlatBuffer } from "../../pruner/import/tflite/flatbuffer.ts";
import { builtinOperators, paddings, tensorTypes } from "../../pruner/import/tflite/schema.ts";
import { importTflite, isTflite } from "../../pruner/import/tflite.ts";
import { pack } from "../../pruner/pack.ts";
import { simplify } from "../../pruner/simplify.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { type Graph, isSparse } from "../../runtime/model/graph.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { decodeWeight, encodeWeight } from "../../runtime/model/sparse/index.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { relativeError } from "../bench/relative-error.ts";
import { tinyClassifier } from "../fixtures.ts";
import { randomMask } from "../formats/examples.ts";
import { runOnnx } from "../oracle/ort.ts";
import { randomTensor } from "../random.ts";
import { hasShared, sharedPath, whyNoShared } from "../shared.ts";
import { inOrderOf, runLitert, toInputsOf } from "./tflite-oracle.ts";

describe.each(["mobilenetv2", "yolov5n", "bisenetv2", "deit-tiny"] as const)("%s", (name) => {
  test("computes on LiteRT.js, and read back, what it computes here", async () => {
    const graph = buildNetwork(name, { size: zoo[name].smallSize });
    const inputs = inputsOf(graph);
    const file = exportTflite(graph);
    expect(isTflite(file)).toBe(true);
    const expected = await runOn(wasm, graph, inputs);
    expectSame(inOrderOf(expected, await runLitert(file, inputs)), expected, 1e-4);
    const back = importTflite(file);
    const again = await runOn(reference, back, toInputsOf(back, inputs));
    expectSame(inOrderOf(expected, again), expected, 1e-4);
  });
});

test("activations and biases are written into the operator before them", () => {
  const file = exportTflite(buildNetwork("resnet50", { size: zoo.resnet50.smallSize }));
  const [{ operators }] = readFlatBuffer(file).subgraphs;
  expect(operators.filter(({ options }) => options === undefined)).toEqual([]); // RELU has none
  const kinds = operators.map(({ options }) => options!.kind.replace("Options", ""));
  const counts = Object.fromEntries(
    [...new Set(kinds)].map((k) => [k, kinds.filter((x) => x === k).length]),
  );
  // The stem and the three strided 3x3 convolutions are padded on the side where SAME would not.
  expect(counts).toEqual({
    Pad: 5,
    Conv2D: 53,
    Pool2D: 1,
    Add: 16,
    Reducer: 1,
    Reshape: 1,
    FullyConnected: 1,
  });
});

describe.each(["unstructured", "block:16x8"])("a sparse file of zeros that are %s", (pattern) => {
  const graph = pruned(buildNetwork("mobilenetv2", { size: zoo.mobilenetv2.smallSize }), pattern);
  const dense = exportTflite(graph);
  const sparse = exportTflite(graph, { sparse: true });
  const weightsOf = (file: Uint8Array) => {
    const { nodes, constants } = importTflite(file);
    return nodes
      .filter(({ op }) => op === "Conv")
      .map(({ inputs }) => constants.get(inputs[1]) as Tensor<"float32">);
  };

  test("stores only the weights that are left of 1x1 convolutions, in another order", () => {
    expect(sparse.length).toBeLessThan(0.75 * dense.length);
    const values = (file: Uint8Array) =>
      weightsOf(file).map(({ data }) => data.filter((value) => Math.abs(value) > 1e-29).sort());
    const [found, expected] = [values(sparse), values(dense)];
    expect(found.map((of, i) => of.every((value, at) => value === expected[i][at]))).toEqual(
      expected.map(() => true),
    );
  });

  test("has no weight whose outputs share nine of ten nonzeros by twos or by fours", () => {
    const pointwise = weightsOf(sparse).filter(({ shape: [, inC, kH] }) => inC >= 8 && kH === 1);
    for (const weight of pointwise) {
      expect(sharing(weight, 2)).toBeLessThan(0.9);
      expect(sharing(weight, 4)).toBeLessThan(0.9);
    }
  });

  test("computes the same on LiteRT.js, whose sparse kernels run it", async () => {
    const inputs = inputsOf(graph);
    const expected = await runOn(wasm, graph, inputs);
    expectSame(inOrderOf(expected, await runLitert(sparse, inputs)), expected, 1e-4);
  });
});

/** How full groups of so many neighbouring outputs are at the inputs where they have a nonzero. */
function sharing({ shape: [outC, inC], data }: Tensor<"float32">, together: number): number {
  const counts = Array.from({ length: Math.floor(outC / together) * inC }, (_, at) => {
    const [group, col] = [Math.floor(at / inC), at % inC];
    const rows = Array.from(
      { length: together },
      (_, row) => data[(group * together + row) * inC + col],
    );
    return rows.filter((value) => value !== 0).length;
  });
  const found = counts.filter((count) => count > 0);
  return found.reduce((a, b) => a + b, 0) / (together * found.length);
}

test("float16 weights are read through their DEQUANTIZE", async () => {
  const bits = Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x8000);
  const file = writeFlatBuffer({
    version: 3,
    operatorCodes: [
      { builtinCode: builtinOperators.DEQUANTIZE },
      { builtinCode: builtinOperators.CONV_2D },
    ],
    subgraphs: [
      {
        tensors: [
          { name: "x", shape: [1, 1, 1, 2] },
          { name: "half", shape: [3, 1, 1, 2], type: tensorTypes.float16, buffer: 1 },
          { name: "w", shape: [3, 1, 1, 2] },
          { name: "y", shape: [1, 1, 1, 3] },
        ],
        inputs: [0],
        outputs: [3],
        operators: [
          { opcodeIndex: 0, inputs: [1], outputs: [2] },
          {
            opcodeIndex: 1,
            inputs: [0, 2],
            outputs: [3],
            options: { kind: "Conv2DOptions", padding: paddings.valid, strideW: 1, strideH: 1 },
          },
        ],
      },
    ],
    buffers: [{}, { data: new Uint8Array(bits.buffer) }],
  });
  const { y } = await runOn(reference, importTflite(file), {
    x: tensor([1, 2, 1, 1], Float32Array.of(1, 2)),
  });
  // 1 - 2 · 2; 0.333251953125 + 2 · 2^-24; 65504 - 2 · 0
  expect([...y.data]).toEqual([-3, Math.fround(0.333251953125 + 2 ** -23), 65504]);
});

describe.skipIf(!hasShared)(hasShared ? "a real sparse model" : whyNoShared, () => {
  describe.each([
    ["face_detection_full_range_sparse.tflite", "face_detection_full_range_sparse.onnx", 46],
    ["pose_detection.tflite", "pose_detection_sparse.onnx.gz", 38],
  ])("%s", (tflite, onnx, sparseLayers) => {
    const graph = simplify(importTflite(readFileSync(sharedPath(`models/sparse/${tflite}`))));
    const { graph: packed, layers } = pack(graph);

    test(`computes what ONNX Runtime computes of ${onnx}, dense and packed`, async () => {
      const inputs = inputsOf(graph);
      const expected = await runOnnx(bytesOf(onnx), { input: Object.values(inputs)[0] });
      for (const [backend, network] of [
        [reference, graph],
        [wasm, packed],
      ] as const) {
        expect(relativeError(expected, await runOn(backend, network, inputs))).toBeLessThan(1e-4);
      }
    });

    test("keeps its zeros sparse where it is packed", () => {
      const found = layers.filter(({ zeros }) => zeros > 0.6);
      expect(found).toHaveLength(sparseLayers);
      for (const { weight, denseBytes, storedBytes, sparsity, zeros } of found) {
        expect(isSparse(packed.constants.get(weight)!)).toBe(true);
        expect(sparsity).toBeCloseTo(zeros, 9);
        expect(storedBytes).toBeLessThan(0.5 * denseBytes);
      }
    });

    test("changes the order of its values only where they become a list of numbers", () => {
      const readersOf = (value: string) => graph.nodes.filter(({ inputs }) => inputs.includes(value));
      const moved = graph.nodes.filter(({ op }) => op === "Transpose");
      const readers = moved.flatMap(({ outputs }) => readersOf(outputs[0]));
      expect(readers.length).toBeGreaterThanOrEqual(moved.length);
      expect(new Set(readers.map(({ op }) => op))).toEqual(new Set(["Reshape"]));
    });
  });
});

test("a node that cannot be written is named", () => {
  const graph = tinyClassifier(1);
  const nodes = graph.nodes.map((node) =>
    node.name === "stem.relu" ? { ...node, op: "HardSigmoid" } : node,
  );
  expect(() => exportTflite({ ...graph, nodes })).toThrow(
    /^HardSigmoid 'stem.relu': cannot be written as TFLite; supported: Conv, /,
  );
});

function inputsOf({ inputs: [{ name, shape }] }: Graph) {
  return { [name]: randomTensor(shape as number[], 1) };
}

/** 70 % of each 1x1 convolution's weights are 0. */
function pruned(graph: Graph, pattern: string): Graph {
  const constants = new Map(graph.constants);
  for (const { op, inputs } of graph.nodes) {
    const weight = op === "Conv" && graph.constants.get(inputs[1]);
    if (!weight || weight.shape[1] < 8 || weight.shape[2] !== 1) continue;
    const mask = randomMask(weight.shape, parsePattern(pattern), 0.3, 1);
    constants.set(inputs[1], encodeWeight(decodeWeight(weight), mask));
  }
  return { ...graph, constants };
}

function bytesOf(file: string): Uint8Array {
  const bytes = readFileSync(sharedPath(`models/sparse/${file}`));
  return file.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}
