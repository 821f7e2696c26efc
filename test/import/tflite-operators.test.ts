/** Every operator's cases written as TFLite: LiteRT.js, and the reference on what is read back, compute the same. */
import { describe, expect, test } from "vitest";
import { exportTflite } from "../../pruner/export/tflite.ts";
import { importTflite } from "../../pruner/import/tflite.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { cases } from "../backend/cases/index.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { inOrderOf, runLitert, toInputsOf } from "./tflite-oracle.ts";

/** What TFLite has no operator for, or not in this form. Anything else must be written. */
const declined = [
  /cannot be written/,
  /can (it )?be written as TFLite/,
  /can be resized in TFLite/,
  /must be constants/,
  /do not give whole sizes/,
];

describe.each(Object.entries(cases))("%s", (_op, list) => {
  test.each(list)("$name", async ({ graph, inputs }) => {
    const file = fileOf(graph);
    if (typeof file === "string") {
      expect(
        declined.some((pattern) => pattern.test(file)),
        file,
      ).toBe(true);
      return;
    }
    const expected = await runOn(reference, graph, inputs);
    expectSame(inOrderOf(expected, await runLitert(file, inputs)), expected);
    const back = importTflite(file);
    const again = await runOn(reference, back, toInputsOf(back, inputs));
    expectSame(inOrderOf(expected, again), expected);
  });
});

const written = [
  ["Abs", "Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "Div", "Exp", "Flatten"],
  ["Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "HardSwish", "Identity", "LayerNormalization"],
  ["LeakyRelu", "MatMul", "MaxPool", "Mul", "Pad", "ReduceMean", "Relu", "Reshape", "Resize", "Sigmoid"],
  ["Slice", "Softmax", "Squeeze", "Sub", "Swish", "Tanh", "Transpose", "Unsqueeze"],
].flat() as (keyof typeof cases)[];

test.each(written)("%s can be written in some case", (op) => {
  expect(cases[op].filter(({ graph }) => typeof fileOf(graph) !== "string")).not.toHaveLength(0);
});

/** The file, or why there is none. */
function fileOf(graph: Graph): Uint8Array | string {
  try {
    return exportTflite(graph);
  } catch (error) {
    if ((error as Error).name !== "ModelError") throw error;
    return (error as Error).message;
  }
}
