/** Outputs that lie in memory as they are fetched: no copy is made of them, and what is fetched is right. */
import { expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { bind } from "../../runtime/backends/wasm/bind.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { makeTuner } from "../../runtime/backends/wasm/tune.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";
import { randomTensor } from "../random.ts";
import { expectSame, runOn } from "./run.ts";

/** A graph of rows [3, 5] and [4, 5]. */
function graphOf(nodes: readonly Node[], outputs: readonly string[]): Graph {
  return {
    name: "joined",
    inputs: [
      { name: "a", dtype: "float32", shape: [3, 5] },
      { name: "b", dtype: "float32", shape: [4, 5] },
    ],
    outputs: outputs.map((name) => ({ name, dtype: "float32", shape: [] })),
    nodes,
    constants: new Map(),
  };
}
const node = (op: string, inputs: string[], output: string, attrs = {}): Node => {
  return { name: output, op, inputs, outputs: [output], attrs };
};
const joined = node("Concat", ["a", "b"], "joined", { axis: 0 });

test.each<[claim: string, nodes: Node[], outputs: string[], copies: string[]]>([
  ["rows that a Concat makes", [joined], ["joined"], []],
  [
    "rows that are read by others too",
    [joined, node("Relu", ["joined"], "r")],
    ["joined", "r"],
    ["joined", "r"],
  ],
  [
    "rows of which a kernel writes some",
    [node("Relu", ["a"], "r"), node("Concat", ["r", "b"], "joined", { axis: 0 })],
    ["joined"],
    ["joined"],
  ],
  [
    "rows of several Concats",
    [
      node("Concat", ["a", "a"], "twice", { axis: 0 }),
      node("Concat", ["b", "b"], "both", { axis: 0 }),
      node("Concat", ["twice", "both"], "joined", { axis: 0 }),
    ],
    ["joined"],
    [],
  ],
])("%s", async (_, nodes, outputs, copies) => {
  const graph = graphOf(nodes, outputs);
  const { phases } = bind(plan(graph), { threads: 1, fma: false, tuner: makeTuner({}, 0) });
  const labels = phases.map(({ label }) => label).filter((label) => label.startsWith("output"));
  expect(labels).toEqual(copies.map((name) => `output '${name}'`));
  const inputs = { a: randomTensor([3, 5], 1), b: randomTensor([4, 5], 2) };
  expectSame(await runOn(wasm, graph, inputs), await runOn(reference, graph, inputs));
});
