/** The wasm backend in a real browser, with fused multiply-add, on one thread and on more. */
import * as Comlink from "comlink";
import { afterAll, describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";
import { cases } from "../backend/cases/index.ts";
import { hostedNetwork } from "../backend/hosted.ts";
import { tinyNetwork } from "../backend/network.ts";
import { expectSame, runOn } from "../backend/run.ts";
import type { BackendWorker } from "./backend.worker.ts";

const thread = new Worker(new URL("./backend.worker.ts", import.meta.url), { type: "module" });
const worker = Comlink.wrap<BackendWorker>(thread);
afterAll(() => thread.terminate());

const runs = (graph: Graph) => {
  const planned = plan(graph);
  return planned.graph.nodes.every((node) => wasm.hosted(node, planned) === undefined);
};

const running = Object.entries(cases).map(([op, list]) => ({
  op,
  list: list.filter(({ graph }) => runs(graph)),
}));

describe.each(running.filter(({ list }) => list.length > 0))("$op", ({ list }) => {
  test.each(list)("$name", async ({ graph, inputs }) => {
    const { outputs, relaxedSimd } = await worker.run(graph, inputs, 1);
    expect(relaxedSimd).toBe(true);
    expectSame(outputs, await runOn(reference, graph, inputs));
  });
});

test.each([2, 3, 4])("%i threads compute what one computes, run after run", async (threads) => {
  const { graph, inputs } = tinyNetwork();
  const one = await worker.run(graph, inputs, 1);
  const more = await worker.run(graph, inputs, threads, 200);
  expect(more.threads).toBe(threads);
  expectSame(more.outputs, one.outputs, 0);
});

test.each([1, 2])(
  "nodes without a kernel run between the threads' phases: %i threads",
  async (threads) => {
    const { graph, inputs } = hostedNetwork();
    const { outputs } = await worker.run(graph, inputs, threads, 20);
    expectSame(outputs, await runOn(reference, graph, inputs));
  },
);

test("a page's own thread runs alone: it may not wait", async () => {
  const { graph, inputs } = tinyNetwork();
  const executable = await wasm.prepare(plan(graph), { threads: 2 });
  expect(executable.threads).toBe(1);
  expectSame(await executable.run(inputs), await runOn(reference, graph, inputs));
});
