/** A training step by blocked convolutions computes what the step by plain ones does, which finite differences check. */
import { expect, test } from "vitest";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import { type Step, stepNames, trainingStep } from "../../pruner/train/autodiff.ts";
import { ortNode } from "../../pruner/train/ort-node.ts";
import { normal, random } from "../../pruner/train/random.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { type Shape, sizeOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";

const batch = 16;
const draw = normal(random(7));
const normals = (shape: Shape, scale = 1): Tensor<"float32"> =>
  tensor(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => draw() * scale),
  );

interface Case {
  readonly name: string;
  readonly x: readonly [C: number, H: number, W: number];
  readonly first: readonly [M: number, kH: number, kW: number];
  readonly second: readonly [M: number, kH: number, kW: number];
  readonly attrs?: Node["attrs"]; // of the second
  readonly bias?: boolean;
}

const pads = [1, 1, 1, 1];
const cases: Case[] = [
  { name: "3x3", x: [3, 9, 8], first: [16, 3, 3], second: [32, 3, 3], attrs: { pads }, bias: true },
  {
    name: "stride 2, even",
    x: [16, 10, 10],
    first: [16, 3, 3],
    second: [16, 3, 3],
    attrs: { pads, strides: [2, 2] },
  },
  {
    name: "stride 2, odd",
    x: [16, 9, 11],
    first: [32, 3, 3],
    second: [16, 3, 3],
    attrs: { pads, strides: [2, 2] },
  },
  {
    name: "uneven pads",
    x: [3, 9, 9],
    first: [16, 3, 3],
    second: [16, 5, 3],
    attrs: { pads: [2, 0, 1, 1] },
  },
  {
    name: "dilated",
    x: [3, 9, 9],
    first: [16, 1, 1],
    second: [16, 3, 3],
    attrs: { pads: [2, 2, 2, 2], dilations: [2, 2] },
  },
  {
    name: "1x1 stride 2",
    x: [16, 6, 7],
    first: [16, 1, 1],
    second: [32, 1, 1],
    attrs: { strides: [2, 2] },
  },
  { name: "few channels out", x: [16, 6, 6], first: [16, 3, 3], second: [5, 3, 3], attrs: { pads } },
];

function networkOf({ x, first, second, attrs = {}, bias }: Case): Graph {
  const constants = new Map<string, Tensor>([
    ["w1", normals([first[0], x[0], first[1], first[2]], 0.2)],
    ["w2", normals([second[0], first[0], second[1], second[2]], 0.2)],
  ]);
  if (bias) constants.set("b2", normals([second[0]]));
  const image = { name: "x", dtype: "float32" as const, shape: ["N", ...x] };
  const node = (op: string, inputs: string[], output: string, attributes: Node["attrs"] = {}): Node => ({
    name: output,
    op,
    inputs,
    outputs: [output],
    attrs: attributes,
  });
  const graph: Graph = {
    name: "two convolutions",
    nodes: [
      node("Conv", ["x", "w1"], "a", { pads: first[1] === 3 ? pads : [0, 0, 0, 0] }),
      node("Conv", ["a", "w2", ...(bias ? ["b2"] : [])], "b", attrs),
      node("Flatten", ["b"], "y", { axis: 1 }),
    ],
    inputs: [image],
    outputs: [{ name: "y", dtype: "float32", shape: ["N", "classes"] }],
    constants,
  };
  const { shape } = plan(graph, { shapes: { x: [batch, ...x] } }).values.get("y")!;
  return { ...graph, outputs: [{ name: "y", dtype: "float32", shape: ["N", shape[1]] }] };
}

async function run(step: Step, graph: Graph, x: Tensor<"float32">) {
  const program = await ortNode.compile(exportOnnx(step.graph), { threads: 1 });
  const labels = tensor([batch, step.classes], new Float32Array(batch * step.classes));
  for (let i = 0; i < batch; i++) labels.data[i * step.classes + (i % step.classes)] = 1;
  const feeds = { [step.image]: x, [stepNames.labels]: labels };
  for (const name of step.parameters) feeds[name] = graph.constants.get(name) as Tensor<"float32">;
  const results = await program.run(feeds);
  await program.dispose();
  return results;
}

test.each(cases)("$name: the same logits and gradients in blocks", async (layers) => {
  const channelBlock = await ortNode.channelBlock!();
  const graph = networkOf(layers);
  const x = normals([batch, ...layers.x]);
  const blocked = trainingStep(graph, { batch, channelBlock });
  expect(channelBlock, "ONNX Runtime has blocked convolutions on this machine").toBeGreaterThan(1);
  expect(blocked.graph.nodes.some(({ op }) => op === "com.microsoft.nchwc:Conv")).toBe(true);
  const [ours, plain] = [
    await run(blocked, graph, x),
    await run(trainingStep(graph, { batch }), graph, x),
  ];
  for (const [name, { shape, data }] of Object.entries(plain)) {
    expect(ours[name].shape).toEqual(shape);
    const scale = Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length);
    const worst = data.reduce((most, v, i) => Math.max(most, Math.abs(v - ours[name].data[i])), 0);
    expect(worst / scale, name).toBeLessThan(1e-4);
  }
});
