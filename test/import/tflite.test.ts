/**
 * Whole networks as TFLite: written ones compute on LiteRT.js what the Graph computes, real ones what ONNX Runtime
 * computes of the ONNX file of the same model.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { buildNetwork, zoo } from "../../demo/zoo/index.ts";
import { exportTflite } from "../../pruner/export/tflite.ts";
import { readFlatBuffer } from "../../pruner/import/tflite/flatbuffer.ts";
import { importTflite, isTflite } from "../../pruner/import/tflite.ts";
import { pack } from "../../pruner/pack.ts";
import { simplify } from "../../pruner/simplify.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { decodeWeight, encodeWeight } from "../../runtime/model/sparse/index.ts";
import { expectSame, runOn } from "../backend/run.ts";
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

describe("a sparse file", () => {
  const graph = pruned(buildNetwork("mobilenetv2", { size: zoo.mobilenetv2.smallSize }), "unstructured");

  test("stores only the weights that are left of 1x1 convolutions, and reads back as they were", () => {
    const [dense, sparse] = [exportTflite(graph), exportTflite(graph, { sparse: true })];
    expect(sparse.length).toBeLessThan(0.75 * dense.length);
    const [denseBack, sparseBack] = [importTflite(dense), importTflite(sparse)];
    const weights = (of: Graph) =>
      of.nodes
        .filter(({ op }) => op === "Conv")
        .map(({ inputs }) => decodeWeight(of.constants.get(inputs[1])!).data);
    const [expected, found] = [weights(denseBack), weights(sparseBack)];
    expect(found.map((values, i) => values.every((value, at) => value === expected[i][at]))).toEqual(
      expected.map(() => true),
    );
  });

  test("computes the same on LiteRT.js, whose sparse kernels run it", async () => {
    const inputs = inputsOf(graph);
    const expected = await runOn(wasm, graph, inputs);
    const file = exportTflite(graph, { sparse: true });
    expectSame(inOrderOf(expected, await runLitert(file, inputs)), expected, 1e-4);
  });
});

describe.skipIf(!hasShared)(hasShared ? "a real sparse model" : whyNoShared, () => {
  test.each([
    ["face_detection_full_range_sparse.tflite", "face_detection_full_range_sparse.onnx", 46],
    ["pose_detection.tflite", "pose_detection_sparse.onnx.gz", 38],
  ])("%s computes what ONNX Runtime computes of %s", async (tflite, onnx, sparseLayers) => {
    const graph = simplify(importTflite(readFileSync(sharedPath(`models/sparse/${tflite}`))));
    const inputs = inputsOf(graph);
    const expected = await runOnnx(bytesOf(onnx), { input: Object.values(inputs)[0] });
    // Outputs are coordinates up to some hundreds, and random pixels let no rounding fade.
    expectSame(inOrderOf(expected, await runOn(wasm, graph, inputs)), expected, 1e-3);
    const packed = pack(graph, parsePattern("unstructured"));
    expect(packed.layers.filter(({ zeros }) => zeros > 0.6)).toHaveLength(sparseLayers);
    expectSame(inOrderOf(expected, await runOn(wasm, packed.graph, inputs)), expected, 1e-3);
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
