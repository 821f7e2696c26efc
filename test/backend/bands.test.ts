/** Chains of convolutions in bands compute what their steps compute one after the other. */
import { expect, test } from "vitest";
import { assemble } from "../../kernels-wasm/index.ts";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { type Bound, bind } from "../../runtime/backends/wasm/bind.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { makeTuner } from "../../runtime/backends/wasm/tune.ts";
import type { Attr, Graph, Node } from "../../runtime/model/graph.ts";
import { encodeWeight } from "../../runtime/model/sparse/index.ts";
import { sizeOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { randomMask } from "../formats/examples.ts";
import { randomTensor } from "../random.ts";
import { expectSame, runOn } from "./run.ts";

interface Block {
  readonly expand?: number; // kernel size of the Conv before; none where it is left out
  readonly project?: boolean;
  readonly residual?: boolean;
  readonly n?: number;
  readonly size?: readonly [h: number, w: number];
  readonly kernel?: number;
  readonly strides?: readonly number[];
  readonly pads?: readonly number[];
  readonly dilations?: readonly number[];
  readonly density?: number;
}

const blocks: [name: string, block: Block][] = [
  ["an inverted residual block", { expand: 1, project: true, residual: true }],
  ["stride 2", { expand: 1, project: true, strides: [2, 2] }],
  ["a batch of 2", { expand: 1, project: true, n: 2 }],
  ["5x5, stride 2 and 1", { expand: 1, project: true, kernel: 5, pads: [2, 2, 2, 2], strides: [2, 1] }],
  ["pads below and right only", { expand: 1, project: true, strides: [2, 2], pads: [0, 0, 1, 1] }],
  ["dilated", { expand: 1, project: true, dilations: [3, 2], pads: [3, 2, 3, 2] }],
  ["no pads", { expand: 1, project: true, pads: [0, 0, 0, 0] }],
  ["windows wholly in the padding", { expand: 1, project: true, pads: [4, 4, 4, 4] }],
  ["few wide rows", { expand: 1, project: true, size: [2, 1200] }],
  ["a 3x3 before", { expand: 3, project: true }],
  ["nothing before", { project: true, residual: true, strides: [1, 1] }],
  ["nothing behind", { expand: 1, strides: [2, 2] }],
  ["sparse weights", { expand: 1, project: true, residual: true, density: 0.3 }],
];

test.each(blocks)("%s", async (_name, block) => {
  const { graph, inputs } = network(block);
  expect(bandsOf(graph, 1)).toHaveLength(1);
  expectSame(await runOn(wasm, graph, inputs), await runOn(reference, graph, inputs), 1e-4);
});

test.each(blocks)("%s, in pieces that run in any order", async (_name, block) => {
  const { graph, inputs } = network(block);
  const planned = plan(graph);
  const bound = bind(planned, { threads: 3, fma: false, tuner: makeTuner({}, 0) });
  expect(bandsOf(graph, 3)[0].calls.length).toBeGreaterThan(1);
  const [{ name }] = graph.outputs;
  const { shape } = planned.values.get(name)!;
  const [want] = Object.values(await runOn(reference, graph, inputs));
  for (const order of [(a: number, b: number) => a - b, (a: number, b: number) => b - a]) {
    const y = tensor(shape, runPieces(bound, inputs, name, sizeOf(shape), order));
    expectSame({ y }, { y: want }, 1e-4);
  }
});

test("what somebody else reads is made in whole", async () => {
  const { graph, inputs } = network({ expand: 1, project: true });
  const outputs = [...graph.outputs, { name: "expand", dtype: "float32" as const, shape: [] }];
  const watched = { ...graph, outputs };
  expect(bandsOf(watched, 1).map(({ label }) => label)).toEqual(["Conv 'depthwise' + Conv 'project'"]);
  expectSame(await runOn(wasm, watched, inputs), await runOn(reference, watched, inputs), 1e-4);
});

test("small values need no bands", () => {
  expect(bandsOf(network({ expand: 1, project: true, size: [20, 20] }).graph, 1)).toEqual([]);
});

test("a Conv between two depthwise ones runs once, with the first", async () => {
  const { graph, inputs } = network({ project: true });
  const again = graph.nodes.map((node) => ({
    ...node,
    name: `${node.name} again`,
    inputs: node.inputs.map((name) =>
      name === "x" ? "project" : name.replace(/^depthwise$/, "$& again"),
    ),
    outputs: node.outputs.map((name) => `${name} again`),
  }));
  const outputs = [{ ...graph.outputs[0], name: "project again" }];
  const twice = { ...graph, nodes: [...graph.nodes, ...again], outputs };
  expect(bandsOf(twice, 1).map(({ label }) => label)).toEqual([
    "Conv 'depthwise' + Conv 'project'",
    "Conv 'depthwise again' + Conv 'project again'",
  ]);
  expectSame(await runOn(wasm, twice, inputs), await runOn(reference, twice, inputs), 1e-4);
});

test("a Conv to whose result something is added does not begin a chain", async () => {
  const { graph, inputs } = network({ expand: 1, project: true });
  const other = { ...graph.inputs[0], name: "other", shape: [1, 72, 45, 44] };
  const nodes = graph.nodes.flatMap((node): Node[] =>
    node.op === "Relu"
      ? [
          { name: "sum", op: "Add", inputs: ["expand", "other"], outputs: ["sum"], attrs: {} },
          { ...node, inputs: ["sum"] },
        ]
      : [node],
  );
  const added = { ...graph, nodes, inputs: [...graph.inputs, other] };
  const given = { ...inputs, other: randomTensor([1, 72, 45, 44], 10) };
  expect(bandsOf(added, 1).map(({ label }) => label)).toEqual(["Conv 'depthwise' + Conv 'project'"]);
  expectSame(await runOn(wasm, added, given), await runOn(reference, added, given), 1e-4);
});

const bandsOf = (graph: Graph, threads: number) =>
  bind(plan(graph), { threads, fma: false, tuner: makeTuner({}, 0) }).phases.filter(({ detail }) =>
    detail.startsWith("bands"),
  );

/** Runs the pieces of every phase on one thread, in this order; the output. */
function runPieces(
  bound: Bound,
  inputs: Tensors,
  output: string,
  size: number,
  order: (a: number, b: number) => number,
): Float32Array {
  const pages = Math.ceil(bound.bytes / 65536);
  const memory = new WebAssembly.Memory({ initial: pages });
  new Uint8Array(memory.buffer).fill(0xff); // NaN wherever nobody writes
  for (const { address, values } of bound.data)
    new Int32Array(memory.buffer, address).set(
      new Int32Array(values.buffer, values.byteOffset, values.length),
    );
  for (const [name, { data }] of Object.entries(inputs))
    new Float32Array(memory.buffer, bound.staging.get(name)).set(data as Float32Array);
  const module = new WebAssembly.Module(assemble(bound.functions, { pages, shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  for (const { calls } of bound.phases) {
    for (const piece of calls.map((_, i) => i).sort(order)) {
      for (const { kernel, args } of calls[piece])
        (exports[kernel] as (...args: unknown[]) => void)(...args);
    }
  }
  return new Float32Array(memory.buffer, bound.staging.get(output), size).slice();
}

/** x -> expand -> depthwise -> project (+ x), 72 channels inside: more than 512 KiB. */
function network({
  n = 1,
  expand,
  project,
  residual,
  size = [45, 44],
  kernel = 3,
  strides = [1, 1],
  pads = [1, 1, 1, 1],
  dilations = [1, 1],
  density = 1,
}: Block): { graph: Graph; inputs: Tensors } {
  const inner = 72;
  const outer = expand ? 12 : inner;
  const constants = new Map<string, ReturnType<typeof encodeWeight> | Tensor>();
  const weight = (shape: number[]) => {
    const name = `w${constants.size}`;
    const dense = randomTensor(shape, constants.size + 1, -0.3, 0.3);
    const mask = randomMask(shape, { kind: "block", rows: 16, cols: 8 }, density, 5);
    constants.set(name, shape[1] > 1 && density < 1 ? encodeWeight(dense, mask) : dense);
    constants.set(`${name}.bias`, randomTensor([shape[0]], constants.size, -0.3, 0.3));
    return [name, `${name}.bias`];
  };
  const nodes: Node[] = [];
  const add = (name: string, op: string, inputs: string[], attrs: Record<string, Attr> = {}): string => {
    nodes.push({ name, op, inputs, outputs: [name], attrs });
    return name;
  };
  let x = "x";
  if (expand) {
    const same = new Array<number>(4).fill(expand >> 1);
    x = add("expand", "Conv", [x, ...weight([inner, outer, expand, expand])], { pads: same });
    x = add("relu", "Relu", [x]);
  }
  const attrs = { group: inner, strides, pads, dilations };
  x = add("depthwise", "Conv", [x, ...weight([inner, 1, kernel, kernel])], attrs);
  if (project) x = add("project", "Conv", [x, ...weight([outer, inner, 1, 1])]);
  if (residual) x = add("sum", "Add", [x, "x"]);
  const shape = [n, outer, ...size];
  return {
    graph: {
      name: "block",
      nodes,
      inputs: [{ name: "x", dtype: "float32", shape }],
      outputs: [{ name: x, dtype: "float32", shape: [] }],
      constants,
    },
    inputs: { x: randomTensor(shape, 9) },
  };
}
