/** Small graphs made by hand, for tests of what surrounds a model: the file, the session. */
import type { Graph } from "../runtime/model/graph.ts";
import { encodeWeight } from "../runtime/model/sparse/index.ts";
import { tensor } from "../runtime/model/tensor.ts";
import { randomInts, randomMask, randomWeight } from "./formats/examples.ts";

/**
 * A classifier of [batch, 3, 9, 9] images into 5 classes: Conv 3x3, Relu, GlobalAveragePool, Flatten,
 * Gemm; its two weights sparse, in blocks and 2:4.
 */
export function tinyClassifier(batch: number | string = 1): Graph {
  const conv = randomWeight([20, 3, 3, 3], 1);
  const fc = randomWeight([5, 20], 2);
  return {
    name: "tiny classifier",
    inputs: [{ name: "image", dtype: "float32", shape: [batch, 3, 9, 9] }],
    outputs: [{ name: "logits", dtype: "float32", shape: [batch, 5] }],
    nodes: [
      {
        name: "stem",
        op: "Conv",
        inputs: ["image", "stem.weight", "stem.bias"],
        outputs: ["stem.out"],
        attrs: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
      },
      { name: "stem.relu", op: "Relu", inputs: ["stem.out"], outputs: ["features"], attrs: {} },
      { name: "pool", op: "GlobalAveragePool", inputs: ["features"], outputs: ["pooled"], attrs: {} },
      { name: "flatten", op: "Flatten", inputs: ["pooled"], outputs: ["flat"], attrs: {} },
      {
        name: "fc",
        op: "Gemm",
        inputs: ["flat", "fc.weight", "fc.bias"],
        outputs: ["logits"],
        attrs: { transB: 1 },
      },
    ],
    constants: new Map([
      [
        "stem.weight",
        encodeWeight(conv, randomMask(conv.shape, { kind: "block", rows: 16, cols: 8 }, 0.5, 3)),
      ],
      ["stem.bias", randomWeight([20], 4)],
      ["fc.weight", encodeWeight(fc, randomMask(fc.shape, { kind: "n:m", n: 2, m: 4 }, 1, 5))],
      ["fc.bias", randomWeight([5], 6)],
    ]),
  };
}

/** A graph with one of everything that a file can hold; its nodes need not run. */
export function onePerKind(): Graph {
  const weight = randomWeight([6, 5], 7);
  return {
    name: "one of each – ünïcode",
    inputs: [
      { name: "x", dtype: "float32", shape: ["batch", 5] },
      { name: "n", dtype: "int32", shape: [] },
    ],
    outputs: [{ name: "y", dtype: "float32", shape: ["batch", 6] }],
    nodes: [
      {
        name: "every attribute",
        op: "Anything",
        inputs: ["x", "", "csr", "channels", "ints", "bytes", "flags", "tied"],
        outputs: ["y", ""],
        attrs: {
          number: 0.1,
          text: "SAME",
          list: [1, -2.5, Number.NaN],
          words: ["a", "b"],
          none: [],
          least: Number.NEGATIVE_INFINITY,
          most: Number.POSITIVE_INFINITY,
          zero: -0,
          value: tensor([2], Int32Array.of(-1, 2), "int32"),
          ["__proto__"]: 3,
        },
      },
    ],
    constants: new Map([
      ["csr", encodeWeight(weight, randomMask([6, 5], { kind: "unstructured" }, 0.4, 8))],
      ["channels", encodeWeight(weight, randomMask([6, 5], { kind: "channel" }, 0.5, 9))],
      ["ints", tensor([3], Int32Array.of(2 ** 31 - 1, -(2 ** 31), 0), "int32")],
      ["bytes", tensor([1, 3], Uint8Array.of(0, 127, 255), "uint8")],
      ["flags", tensor([2], Uint8Array.of(1, 0), "bool")],
      ["tied", weight],
      ["tied again", weight],
      ["empty", tensor([0, 4], new Float32Array(0))],
    ]),
  };
}

/** An input of the tiny classifier. */
export function tinyImage(seed: number, batch = 1): Float32Array {
  const random = randomInts(seed);
  return Float32Array.from({ length: batch * 3 * 9 * 9 }, () => random(2001) / 1000 - 1);
}
