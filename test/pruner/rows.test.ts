/** A product of a batch of rows by a constant matrix becomes a Gemm, whose weight can be pruned. */
import { expect, test } from "vitest";
import { prune } from "../../pruner/index.ts";
import { simplify } from "../../pruner/simplify.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { randomTensor } from "../random.ts";

type Dims = readonly (number | string)[];

/** x [.., 8] times [8, 24], plus a vector; Relu; times [24, 16], plus x times [8, 16]. */
function network(shape: Dims): Graph {
  const product = (name: string, x: string, weight: string): Node => {
    return { name, op: "MatMul", inputs: [x, weight], outputs: [`${name}.out`], attrs: {} };
  };
  return {
    name: "two layers",
    nodes: [
      product("wide", "x", "a"),
      { name: "bias", op: "Add", inputs: ["b", "wide.out"], outputs: ["biased"], attrs: {} },
      { name: "relu", op: "Relu", inputs: ["biased"], outputs: ["active"], attrs: {} },
      product("narrow", "active", "c"),
      product("skip", "x", "d"),
      { name: "sum", op: "Add", inputs: ["narrow.out", "skip.out"], outputs: ["y"], attrs: {} },
    ],
    inputs: [{ name: "x", dtype: "float32", shape }],
    outputs: [{ name: "y", dtype: "float32", shape: [] }],
    constants: new Map([
      ["a", randomTensor([8, 24], 1)],
      ["b", randomTensor([24], 2)],
      ["c", randomTensor([24, 16], 3)],
      ["d", randomTensor([8, 16], 4)],
    ]),
  };
}

const operators = ({ nodes }: Graph) => nodes.map(({ op }) => op).filter((op) => op !== "Reshape");

test.each<[string, Dims, number[][]]>([
  ["fixed sizes", [2, 5, 8], [[2, 5, 8]]],
  [
    "an open batch",
    ["batch", 5, 8],
    [
      [1, 5, 8],
      [3, 5, 8],
    ],
  ],
  [
    "an open batch in the middle",
    [5, "batch", 8],
    [
      [5, 1, 8],
      [5, 4, 8],
    ],
  ],
  ["four dimensions", ["batch", 3, 2, 8], [[2, 3, 2, 8]]],
])("%s", async (_, shape, sizes) => {
  const graph = network(shape);
  const options = { shapes: { x: sizes[0] } };
  const simple = simplify(graph, options);
  expect(operators(simple)).toEqual(["Gemm", "Relu", "Gemm", "Gemm", "Add"]);
  expect(simple.nodes.find(({ name }) => name === "wide")!.inputs).toHaveLength(3);
  for (const size of sizes) {
    const inputs = { x: randomTensor(size, 5) };
    const want = await runOn(reference, graph, inputs);
    expectSame(await runOn(reference, simple, inputs), want);
    expectSame(await runOn(wasm, simple, inputs), want);
  }
});

test("sizes that are open in two places stay open: nothing changes", () => {
  const graph = network(["batch", "length", 8]);
  const simple = simplify(graph, { shapes: { x: [1, 5, 8] } });
  expect(operators(simple)).toEqual(["MatMul", "Add", "Relu", "MatMul", "MatMul", "Add"]);
});

test("such a layer is pruned and runs sparse", async () => {
  const { graph, report } = await prune(network([2, 5, 8]), {
    pattern: "block:4x4",
    sparsity: 0.5,
    include: ["wide", "narrow", "skip"],
  });
  expect(report.layers.map(({ shape }) => shape)).toEqual([
    [24, 8],
    [16, 24],
    [16, 8],
  ]);
  expect(report.blocks.kept).toBe(report.blocks.asked);
  const inputs = { x: randomTensor([2, 5, 8], 6) };
  expectSame(await runOn(wasm, graph, inputs), await runOn(reference, graph, inputs));
});
