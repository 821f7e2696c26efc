/** The zoo: what its networks are, and that every backend computes of them what ONNX Runtime does. */
import { describe, expect, test } from "vitest";
import { buildNetwork, type ZooName, zoo } from "../../demo/zoo/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { sizeOf, type Tensor } from "../../runtime/model/tensor.ts";
import { flopsOf } from "../../runtime/ops/work.ts";
import { plan } from "../../runtime/plan.ts";
import { relativeError } from "../bench/relative-error.ts";
import { runOrt } from "../oracle/ort.ts";
import { randomTensor } from "../random.ts";

const names = Object.keys(zoo) as ZooName[];
const small = (name: ZooName) => buildNetwork(name, { size: zoo[name].smallSize });
const imageOf = (graph: Graph) => ({
  image: randomTensor(graph.inputs[0].shape as number[], 2, -1.7, 1.7),
});

test.each(names)("%s has as many parameters and multiplications as published", (name) => {
  const graph = buildNetwork(name);
  const { values } = plan(graph);
  const { millionParameters, gigaMacs } = zoo[name].published;
  const macs = graph.nodes.reduce((sum, node) => sum + flopsOf(node, values) / 2, 0);
  // Folding BatchNormalization leaves one of its two parameters a channel.
  expectNear(parameters(graph) / 1e6, millionParameters, 0.02);
  expectNear(macs / 1e9, gigaMacs, name === "bisenetv2" ? 0.17 : 0.02); // see there
});

test.each(names)("in %s no layer's values vanish or explode", async (name) => {
  const graph = small(name);
  const layers = graph.nodes.filter(({ op }) => op === "Conv" || op === "Gemm");
  const shapes = plan(graph).values;
  const outputs = layers.map(({ outputs: [output] }) => ({
    name: output,
    dtype: "float32" as const,
    shape: shapes.get(output)!.shape,
  }));
  const values = await runOrt({ ...graph, outputs }, imageOf(graph));
  for (const { name: layer } of outputs) {
    const spread = deviation(values[layer].data);
    expect(spread, layer).toBeGreaterThan(0.01);
    expect(spread, layer).toBeLessThan(100);
  }
});

/** Plain loops take long for these; their operators are those of the others. */
const slow: readonly ZooName[] = ["vit-b16", "yolov5m", "swin-t"];
const backends = [
  { backend: reference, on: names.filter((name) => !slow.includes(name)) },
  { backend: wasm, on: names },
];

describe.each(backends)("$backend.name", ({ backend, on }) => {
  test.each(on)("computes %s as ONNX Runtime does", async (name) => {
    const graph = small(name);
    const image = imageOf(graph);
    const executable = await backend.prepare(plan(graph));
    const error = relativeError(await runOrt(graph, image), await executable.run(image));
    executable.dispose();
    expect(error).toBeLessThan(1e-3);
  });
});

test("the same seed gives the same weights, another seed others", () => {
  const [first, same, other] = [1, 1, 2].map(
    (seed) => buildNetwork("mobilenetv2", { seed }).constants.get("features.3.expand.weight")!,
  ) as Tensor[];
  expect(same.data).toEqual(first.data);
  expect(other.data).not.toEqual(first.data);
});

test("an image that does not fit the strides is refused by name", () => {
  expect(() => buildNetwork("yolov5n", { size: [640, 650] })).toThrow(
    "yolov5n: the image is 640x650; expected multiples of 32",
  );
});

/** What is trained: of relative positions the table and not its expansion, and no mask. */
function parameters(graph: Graph): number {
  let sum = 0;
  for (const [name, { shape }] of graph.constants) {
    if (/\.(weight|bias)$|^(cls_token|pos_embed)$/.test(name)) sum += sizeOf(shape);
    if (name.endsWith(".positions")) sum += (sizeOf(shape) / 49 ** 2) * 13 ** 2;
  }
  return sum;
}

function expectNear(actual: number, expected: number, tolerance: number): void {
  expect(actual).toBeGreaterThan(expected * (1 - tolerance));
  expect(actual).toBeLessThan(expected * (1 + tolerance));
}

function deviation(values: ArrayLike<number>): number {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
    squares += values[i] ** 2;
  }
  return Math.sqrt(squares / values.length - (sum / values.length) ** 2);
}
