/** Layers whose zeros fill no blocks compute by panels what the reference does: images, rows, and products. */
import { expect, test } from "vitest";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { decodeWeight, encodeWeight } from "../../runtime/model/sparse/index.ts";
import { plan } from "../../runtime/plan.ts";
import { randomMask } from "../formats/examples.ts";
import { randomTensor } from "../random.ts";
import { expectSame, runOn } from "./run.ts";

const loose = (shape: readonly number[]) => {
  const weight = randomTensor(shape, 3);
  return encodeWeight(weight, randomMask(shape, { kind: "unstructured" }, 0.4, 5));
};

/** Two layers behind one another: what the first writes outside its place, the second reads. */
function twice(op: string, shape: readonly number[], attrs: Graph["nodes"][number]["attrs"]): Graph {
  const square = op === "Conv" ? [40, 40, 3, 3] : [40, 40];
  const weight = loose(square);
  const layer = (name: string, x: string, y: string) => {
    return { name, op, inputs: [x, `${name}.weight`], outputs: [y], attrs };
  };
  const stored = op === "MatMul" ? decodeWeight(weight) : weight; // its weight is dense, with zeros
  return {
    name: op,
    nodes: [layer("first", "x", "between"), layer("second", "between", "y")],
    inputs: [{ name: "x", dtype: "float32", shape: [...shape] }],
    outputs: [{ name: "y", dtype: "float32", shape: [] }],
    constants: new Map([
      ["first.weight", stored],
      ["second.weight", stored],
    ]),
  };
}

const cases: [op: string, graph: Graph][] = [
  ["Conv", twice("Conv", [1, 40, 6, 7], { pads: [1, 1, 1, 1] })],
  ["Gemm", twice("Gemm", [30, 40], { transB: 1 })],
  ["MatMul", twice("MatMul", [2, 15, 40], {})],
];

test.each(
  cases.flatMap(([op, graph]) => ["panel 52x1", "panel 24x2"].map((way) => [op, way, graph] as const)),
)("%s by %s", async (_op, way, graph) => {
  const shape = graph.inputs[0].shape as number[];
  const inputs: Tensors = { x: randomTensor(shape, 7) };
  const executable = await wasm.prepare(plan(graph), { choices: { between: way, y: way } });
  const kernels = (await executable.profile(inputs, 1)).map(({ kernel }) => kernel);
  expect(kernels.filter((kernel) => kernel.startsWith("f32_panel"))).toHaveLength(2);
  expectSame(await executable.run(inputs), await runOn(reference, graph, inputs), 1e-4);
  executable.dispose();
});
