/** Which opset a file is written in follows from its operators. */
import { expect, test } from "vitest";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import { importOnnx } from "../../pruner/import/onnx.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";
import { relativeError } from "../bench/relative-error.ts";
import { runOnnx } from "../oracle/ort.ts";
import { randomTensor } from "../random.ts";

/** ReduceMean takes its axes as an attribute in opset 17 and as an input since 18, ReduceSum since 13; Gelu came with 20. */
const reduced = (activation: string, reduction: string): Graph => ({
  name: `${reduction} of ${activation}`,
  nodes: [
    { name: "activation", op: activation, inputs: ["x"], outputs: ["a"], attrs: {} },
    {
      name: "reduction",
      op: reduction,
      inputs: ["a"],
      outputs: ["y"],
      attrs: { axes: [1], keepdims: 0 },
    },
  ],
  inputs: [{ name: "x", dtype: "float32", shape: [4, 6] }],
  outputs: [{ name: "y", dtype: "float32", shape: [4] }],
  constants: new Map(),
});

test.each([
  ["Gelu", "ReduceMean"],
  ["Gelu", "ReduceSum"],
  ["Relu", "ReduceMean"],
  ["Relu", "ReduceSum"],
])(
  "beside a %s a %s runs in ONNX Runtime, and comes back with its axes",
  async (activation, reduction) => {
    const x = randomTensor([4, 6], 1);
    const graph = reduced(activation, reduction);
    const onnx = exportOnnx(graph);
    const expected = await (await reference.prepare(plan(graph))).run({ x });
    expect(relativeError(expected, await runOnnx(onnx, { x }))).toBeLessThan(1e-5);
    expect(importOnnx(onnx).nodes.map(({ op, attrs }) => [op, attrs.axes])).toEqual([
      [activation, undefined],
      [reduction, [1]],
    ]);
  },
);
