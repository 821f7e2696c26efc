/** Graphs of several nodes on the wasm backend: whatever is a view of what, the values are the reference's. */
import { describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { arrange } from "../../runtime/backends/wasm/arrange.ts";
import { fuse } from "../../runtime/backends/wasm/fuse.ts";
import { fuseAttention } from "../../runtime/backends/wasm/fuse-attention.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { plan } from "../../runtime/plan.ts";
import { chains } from "./cases/chains.ts";
import { cases } from "./cases/index.ts";
import { runInPieces } from "./pieces.ts";
import { expectSame, runOn } from "./run.ts";

describe.each(chains)("$name", ({ graph, inputs }) => {
  test("has kernels for every node", () => {
    const planned = plan(graph);
    expect(planned.graph.nodes.map((node) => wasm.hosted(node, planned)).filter(Boolean)).toEqual([]);
  });

  test.each([1, 2, 3])("in pieces for %i threads", async (threads) => {
    expectSame(runInPieces(graph, inputs, threads), await runOn(reference, graph, inputs));
  });
});

const copies: [name: string, steps: string[]][] = [
  ["an image becomes rows without a copy", ["Conv", "MatMul"]],
  ["heads of attention", ["MatMul", "MatMul", "MatMul", "Attention", "MatMul"]],
  [
    "attention: scaled queries, positions and masks",
    ["MatMul", "MatMul", "MatMul", "Attention", "MatMul"],
  ],
  [
    "attention: scores divided after they are masked",
    ["MatMul", "MatMul", "MatMul", "Attention", "MatMul"],
  ],
  ["windows are cut, multiplied and put together again", ["LayerNormalization", "MatMul", "Relu"]],
  ["a channel-last norm between convolutions", ["Conv", "LayerNormalization", "Conv"]],
];

test.each(copies)("%s: only what computes is run", (name, steps) => {
  const { graph } = chains.find((each) => each.name === name)!;
  const planned = plan(graph);
  expect(
    arrange(planned, fuseAttention(planned, fuse(planned))).steps.map(({ node }) => node.op),
  ).toEqual(steps);
});

const running = Object.entries(cases).flatMap(([op, list]) =>
  list.flatMap(({ name, graph, inputs }) => {
    const planned = plan(graph);
    const { nodes } = planned.graph; // none where the case is folded away
    const runs = nodes.length > 0 && nodes.every((node) => wasm.hosted(node, planned) === undefined);
    return runs ? [{ op, name, graph, inputs }] : [];
  }),
);

test.each(running)("$op, $name, in pieces for two threads", async ({ graph, inputs }) => {
  expectSame(runInPieces(graph, inputs, 2), await runOn(reference, graph, inputs));
});
