/** The wasm backend computes what the reference computes, by a kernel or without: on all cases, on random convolutions. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { encodeWeight } from "../../runtime/model/sparse/index.ts";
import { plan } from "../../runtime/plan.ts";
import { randomMask } from "../formats/examples.ts";
import { randomTensor } from "../random.ts";
import { cases } from "./cases/index.ts";
import { tinyNetwork } from "./network.ts";
import { expectSame, runOn } from "./run.ts";

describe.each(Object.entries(cases))("%s", (_op, list) => {
  test.each(list)("$name", async ({ graph, inputs }) => {
    expectSame(await runOn(wasm, graph, inputs), await runOn(reference, graph, inputs));
  });
});

test.each([
  "Abs",
  "AveragePool",
  "Add",
  "Ceil",
  "Clip",
  "Concat",
  "Conv",
  "Div",
  "Elu",
  "Erf",
  "Exp",
  "Expand",
  "Flatten",
  "Floor",
  "Gather",
  "Gelu",
  "Gemm",
  "GlobalAveragePool",
  "HardSigmoid",
  "HardSwish",
  "Identity",
  "LeakyRelu",
  "Log",
  "MatMul",
  "Max",
  "MaxPool",
  "Min",
  "Mish",
  "Mul",
  "Neg",
  "Pad",
  "PRelu",
  "Pow",
  "Reciprocal",
  "Relu",
  "Reshape",
  "Resize",
  "Round",
  "Sigmoid",
  "Slice",
  "Softmax",
  "Softplus",
  "Sqrt",
  "Sub",
  "Swish",
  "Tanh",
  "Transpose",
] as const)("%s has kernels for most of its cases", (op) => {
  const list = cases[op];
  const run = list.filter(({ graph }) => whyNot(graph) === undefined);
  expect(run.length).toBeGreaterThan(list.length / 2);
});

const geometry = fc.record({
  n: fc.integer({ min: 1, max: 2 }),
  inC: fc.integer({ min: 1, max: 20 }),
  outC: fc.integer({ min: 1, max: 20 }),
  h: fc.integer({ min: 1, max: 9 }),
  w: fc.integer({ min: 1, max: 9 }),
  kernel: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
  strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  pads: fc.tuple(...[0, 1, 2, 3].map(() => fc.integer({ min: 0, max: 2 }))),
  density: fc.constantFrom(0, 0.3, 1),
  residual: fc.constantFrom("none", "before", "behind"), // the activation
  activation: fc.constantFrom("", "Relu", "Swish", "Gelu", "HardSwish", "Sigmoid", "LeakyRelu", "Exp"),
  clamp: fc.boolean(),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

test("random convolutions, with a sum, an activation and a clamp behind them or not, equal the reference", async () => {
  await fc.assert(
    fc.asyncProperty(geometry, async (g) => {
      const graph = convGraph(g);
      if (!graph) return;
      const inputs = { x: randomTensor([g.n, g.inC, g.h, g.w], g.seed + 1) };
      expectSame(await runOn(wasm, graph, inputs), await runOn(reference, graph, inputs));
    }),
    { numRuns: 150, seed: 20 },
  );
});

test("an input of another shape is refused before it is written to memory", async () => {
  const { graph, inputs } = tinyNetwork();
  const x = randomTensor([2, 3, 16, 13], 1);
  await expect(runPlanned(graph, { x })).rejects.toThrow(/'x'.*\[2,3,16,13\].*\[2,3,15,13\]/);
  await expect(runPlanned(graph, {})).rejects.toThrow(/'x'/);
  expectSame(await runPlanned(graph, inputs), await runOn(reference, graph, inputs));
});

async function runPlanned(graph: Graph, inputs: Tensors): Promise<Tensors> {
  return (await wasm.prepare(plan(graph))).run(inputs);
}

type Geometry = typeof geometry extends fc.Arbitrary<infer T> ? T : never;

/**
 * y = f?(conv(x) + another conv(x)?) or f(conv(x)) + another conv(x), or the greater of that and 0; undefined where the
 * kernel does not fit the input.
 */
function convGraph(g: Geometry): Graph | undefined {
  const fits = [g.h + g.pads[0] + g.pads[2] >= g.kernel[0], g.w + g.pads[1] + g.pads[3] >= g.kernel[1]];
  if (fits.includes(false)) return undefined;
  const shape = [g.outC, g.inC, ...g.kernel];
  const weight = (seed: number) => {
    const dense = randomTensor(shape, seed);
    return encodeWeight(dense, randomMask(shape, { kind: "block", rows: 8, cols: 4 }, g.density, seed));
  };
  const constants = new Map([
    ["w", weight(g.seed)],
    ["v", weight(g.seed + 7)],
    ["b", randomTensor([g.outC], g.seed + 3)],
  ]);
  const attrs = { strides: g.strides, pads: g.pads };
  const nodes: Node[] = [{ name: "conv", op: "Conv", inputs: ["x", "w", "b"], outputs: ["c"], attrs }];
  const add = (op: string, inputs: string[]) => {
    const name = op.toLowerCase();
    nodes.push({ name, op, inputs, outputs: [`${name}.out`], attrs: {} });
    last = `${name}.out`;
  };
  let last = "c";
  if (g.residual !== "none")
    nodes.push({ name: "other", op: "Conv", inputs: ["x", "v"], outputs: ["d"], attrs });
  if (g.residual === "before") add("Add", ["d", last]);
  if (g.activation) add(g.activation, [last]);
  if (g.residual === "behind") add("Add", ["d", last]);
  if (g.clamp && g.activation !== "Relu") add("Relu", [last]);
  return {
    name: "random",
    nodes,
    inputs: [{ name: "x", dtype: "float32", shape: [g.n, g.inC, g.h, g.w] }],
    outputs: [{ name: last, dtype: "float32", shape: [] }],
    constants,
  };
}

function whyNot(graph: Graph): string | undefined {
  const planned = plan(graph);
  return planned.graph.nodes.map((node) => wasm.hosted(node, planned)).find(Boolean);
}
