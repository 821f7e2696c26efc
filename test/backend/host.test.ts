/** Nodes without a kernel run as plain loops between those that have one; threads: see test/browser/backend.test.ts. */
import { expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { prepareModel } from "../../runtime/prepare.ts";
import { hostedNetwork } from "./hosted.ts";
import { expectSame, runOn } from "./run.ts";

const { graph, inputs, hosted } = hostedNetwork();

test("a network with such nodes in its middle computes what the reference computes, run after run", async () => {
  const executable = await wasm.prepare(plan(graph));
  for (const counts of [
    [-2, 7, 2 ** 14],
    [1, 0, -1],
  ]) {
    const given = { ...inputs, counts: tensor([3], Int32Array.from(counts), "int32") };
    expectSame(await executable.run(given), await runOn(reference, graph, given));
  }
});

test("they are profiled as the reference, all others by their kernels", async () => {
  const rows = await (await wasm.prepare(plan(graph))).profile(inputs, 2);
  const plain = rows.filter(({ kernel }) => kernel === "reference");
  expect([...new Set(plain.map(({ node }) => node))]).toEqual(hosted);
  expect(rows.some(({ kernel }) => kernel.includes("conv"))).toBe(true);
});

test("the session names each of them, with the reason", async () => {
  const { info, executable } = await prepareModel(await writeModel(graph), { threads: 1, cache: false });
  expect(info.capabilities.backend).toBe("wasm");
  expect(info.capabilities.reasons).toEqual([
    "Split 'left' runs as a plain loop: the operator has no kernel",
    "BatchNormalization 'normal' runs as a plain loop: the operator has no kernel",
    "Add 'twice' runs as a plain loop: 'counts' is int32",
    "Mul 'squares' runs as a plain loop: 'twice' is int32",
  ]);
  executable.dispose();
});
