/** What docs/prune-in-pytorch.md promises of an ONNX file with zeros that another tool has left. */
import { expect, test } from "vitest";
import { exportOnnx, importOnnx, isSparse, pack, parsePattern, simplify } from "../../pruner/index.ts";
import { normal, random } from "../../pruner/train/random.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";

const draw = normal(random(3));
const values = (length: number) => Float32Array.from({ length }, () => draw());
const node = (name: string, op: string, inputs: string[], attrs = {}): Node => {
  return { name, op, inputs, outputs: [name], attrs };
};

/** Every other block of 16 outputs and 8 inputs of one place of the kernel, as the recipe expands its masks. */
function mask([outputs, inputs, taps]: readonly number[]): Float32Array {
  return Float32Array.from({ length: outputs * inputs * taps }, (_, e) => {
    const [o, i, tap] = [Math.floor(e / (inputs * taps)), Math.floor(e / taps) % inputs, e % taps];
    return (Math.floor(o / 16) + Math.floor(i / 8) + tap) % 2;
  });
}

/** conv -> normalise -> conv (pruned, its mask still apart) -> normalise -> mean -> linear */
function network(ofMask: Float32Array): Graph {
  const constants = new Map<string, Tensor>([
    ["w1", tensor([24, 3, 3, 3], values(24 * 27))],
    ["weight_orig", tensor([40, 24, 3, 3], values(40 * 24 * 9))],
    ["weight_mask", tensor([40, 24, 3, 3], ofMask)],
    ["fc", tensor([10, 40], values(400))],
  ]);
  for (const name of ["scale", "shift", "mean"]) constants.set(name, tensor([40], values(40)));
  constants.set("var", tensor([40], new Float32Array(40).fill(2)));
  return {
    name: "masked",
    inputs: [{ name: "input", dtype: "float32", shape: ["batch", 3, 8, 8] }],
    outputs: [{ name: "logits", dtype: "float32", shape: ["batch", 10] }],
    nodes: [
      node("conv1", "Conv", ["input", "w1"], { kernel_shape: [3, 3] }),
      node("masked", "Mul", ["weight_orig", "weight_mask"]),
      node("conv2", "Conv", ["conv1", "masked"], { kernel_shape: [3, 3] }),
      node("bn", "BatchNormalization", ["conv2", "scale", "shift", "mean", "var"], { epsilon: 1e-5 }),
      node("relu", "Relu", ["bn"]),
      node("pool", "GlobalAveragePool", ["relu"]),
      node("flat", "Flatten", ["pool"]),
      node("logits", "Gemm", ["flat", "fc"], { transB: 1 }),
    ],
    constants,
  };
}
const read = (graph: Graph) => simplify(importOnnx(exportOnnx(graph)));
const expected = parsePattern("block:16x8");

test("masks that were not removed are folded, normalisation leaves the zeros, and the blocks are found", () => {
  const { graph, layers } = pack(read(network(mask([40, 24, 9]))), { expect: expected });
  const layer = layers.find((one) => one.node === "conv2")!;
  expect(layer.pattern).toMatch(/^block:/);
  expect(layer.sparsity).toBeCloseTo(0.5, 1);
  const conv = graph.nodes.find(({ name }) => name === "conv2")!;
  expect(isSparse(graph.constants.get(conv.inputs[1])!)).toBe(true);
});

test("zeros that are not such blocks are refused with the layer and the place", () => {
  const wrong = mask([40, 24, 9]);
  wrong[wrong.indexOf(0)] = 1;
  expect(() => pack(read(network(wrong)), { expect: expected })).toThrow(
    /Conv 'conv2': expected block:16x8; /,
  );
});
