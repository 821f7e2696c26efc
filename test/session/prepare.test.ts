/** From bytes to something that runs, without a worker: the choice of a backend, its threads, and what is refused. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test, vi } from "vitest";
import { whyOneThread } from "../../runtime/capabilities.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { prepareModel } from "../../runtime/prepare.ts";
import type { PrepareModelOptions } from "../../runtime/session.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const prepare = async (graph: Graph, options?: PrepareModelOptions) =>
  prepareModel(await writeModel(graph), options);

test("the first backend that takes the model is used, and says why it has one thread", async () => {
  const { info, executable } = await prepare(tinyClassifier());
  expect(info.capabilities).toMatchObject({ backend: "wasm", threads: 1, crossOriginIsolated: false });
  expect(info.capabilities.reasons).toEqual([
    expect.stringMatching(/^one thread: the (device has one core|page is not cross-origin isolated)/),
  ]);
  executable.dispose();
});

test("one thread that was asked for needs no reason", async () => {
  const { info } = await prepare(tinyClassifier(), { threads: 1 });
  expect(info.capabilities.reasons).toEqual([]);
});

test("a backend that fails to prepare is replaced by one that does not, with its words as the reason", async () => {
  vi.spyOn(WebAssembly, "compile").mockRejectedValue(new Error("blocked by the page's policy"));
  const { info, executable } = await prepare(tinyClassifier(), { threads: 1 });
  expect(info.capabilities.backend).toBe("reference");
  expect(info.capabilities.reasons).toEqual(["wasm failed with 1 thread: blocked by the page's policy"]);
  const { logits } = await executable.run({ image: tensor([1, 3, 9, 9], tinyImage(1)) });
  expect(logits.shape).toEqual([1, 5]);
});

test.each<[claim: string, globals: object, asked: number | undefined, reason: RegExp | undefined]>([
  ["not isolated", { crossOriginIsolated: false }, undefined, /serve it with the headers/],
  ["not isolated, four asked", { crossOriginIsolated: false }, 4, /serve it with the headers/],
  [
    "without shared memory",
    { crossOriginIsolated: true, SharedArrayBuffer: undefined },
    4,
    /not cross-origin isolated/,
  ],
  ["one asked", { crossOriginIsolated: false }, 1, undefined],
  [
    "one core",
    { crossOriginIsolated: true, navigator: { hardwareConcurrency: 1 } },
    undefined,
    /one core/,
  ],
  ["no nested workers", { crossOriginIsolated: true, Worker: undefined }, 4, /no worker from a worker/],
  ["isolated, with workers", { crossOriginIsolated: true, Worker: class {} }, 4, undefined],
])("the reason for one thread when %s", (_, globals, asked, reason) => {
  vi.stubGlobal("navigator", { hardwareConcurrency: 4 });
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  const why = whyOneThread(asked);
  if (reason) expect(why).toMatch(reason);
  else expect(why).toBeUndefined();
});

describe("refused with a ModelError", () => {
  const graph = tinyClassifier();
  const withNode = (name: string, change: object): Graph => ({
    ...graph,
    nodes: graph.nodes.map((node) => (node.name === name ? { ...node, ...change } : node)),
  });
  test.each<[claim: string, graph: Graph, options: object, message: RegExp]>([
    ["an unknown operator", withNode("pool", { op: "Teleport" }), {}, /Teleport 'pool'/],
    ["an inherited operator", withNode("pool", { op: "constructor" }), {}, /constructor 'pool'/],
    ["an unknown attribute", withNode("fc", { attrs: { transC: 1 } }), {}, /Gemm 'fc'.*transC/],
    ["shapes that do not fit", withNode("fc", { attrs: {} }), {}, /Gemm 'fc'/],
    ["an unknown backend", graph, { backend: "toString" }, /backend "toString" is not known/],
    ["half a thread", graph, { threads: 0.5 }, /threads is 0.5/],
    ["a shape of an unknown input", graph, { shapes: { ghost: [1] } }, /ghost/],
  ])("%s", async (_, bad, options, message) => {
    await expect(prepare(bad, options as PrepareModelOptions)).rejects.toThrow(
      expect.objectContaining({ name: "ModelError", message: expect.stringMatching(message) }),
    );
  });
});

test("debug levels show the plan, the times of the first run, and pass what is right", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const table = vi.spyOn(console, "table").mockImplementation(() => {});
  const { executable } = await prepare(tinyClassifier(), { debug: 3, threads: 1 });
  expect(log.mock.calls[0][0]).toMatch(/'tiny classifier', 5 nodes/);
  expect(table.mock.calls[0][0]).toContainEqual({ node: "Conv 'stem'", outputs: "[1,20,9,9]" });
  const inputs = { image: tensor([1, 3, 9, 9], tinyImage(1)) as Tensor };
  await executable.run(inputs);
  await executable.run(inputs);
  expect(table.mock.calls.length).toBe(2); // the plan, and the times once
  expect(table.mock.calls[1][0][0]).toHaveProperty("ms");
});

describe("memory", () => {
  test("its size is that of all WebAssembly memory there is, and runs do not change it", async () => {
    const made: WebAssembly.Memory[] = [];
    const { Memory } = WebAssembly;
    vi.spyOn(WebAssembly, "Memory").mockImplementation(function kept(descriptor) {
      made.push(new Memory(descriptor));
      return made[made.length - 1];
    });
    const { info, executable } = await prepare(tinyClassifier(), { backend: "wasm", threads: 1 });
    for (let run = 0; run < 3; run++)
      await executable.run({ image: tensor([1, 3, 9, 9], tinyImage(run)) });
    expect(made.length).toBe(1);
    expect(info.memory.bytes).toBe(made[0].buffer.byteLength);
    expect(() => made[0].grow(1)).toThrow(RangeError);
  });

  test("the reference backend has none", async () => {
    const { info } = await prepare(tinyClassifier(), { backend: "reference" });
    expect(info.memory.bytes).toBe(0);
  });

  test("what was read of the file is not kept beside it", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const prepareAlone = async () => {
      const bytes = new Uint8Array(await writeModel(tinyClassifier()));
      const { executable } = await prepareModel(bytes, { backend: "wasm", threads: 1 });
      return { executable, file: new WeakRef(bytes.buffer) };
    };
    const { executable, file } = await prepareAlone();
    await new Promise((resolve) => setTimeout(resolve)); // a WeakRef holds on until the turn ends
    collect();
    expect(file.deref()).toBeUndefined();
    const { logits } = await executable.run({ image: tensor([1, 3, 9, 9], tinyImage(1)) });
    expect(logits.shape).toEqual([1, 5]);
  });
});
