/** Whole graphs on the GPU: fused, sparse in every block shape, seen under several shapes, with nodes in between that have no kernel. */
import { describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { webgpu } from "../../runtime/backends/webgpu/index.ts";
import { blockShapes, nameOf } from "../../runtime/backends/webgpu/pack.ts";
import { encodeWeight } from "../../runtime/model/sparse/index.ts";
import { plan } from "../../runtime/plan.ts";
import { constant, single } from "../backend/cases/case.ts";
import { chains } from "../backend/cases/chains.ts";
import { hostedNetwork } from "../backend/hosted.ts";
import { tinyNetwork } from "../backend/network.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { randomMask } from "../formats/examples.ts";
import { randomTensor } from "../random.ts";
import { whyNoGpu } from "./gpu.ts";

const tolerance = 1e-4;

describe.skipIf(whyNoGpu !== undefined)(whyNoGpu ?? "on Dawn", () => {
  test("a residual network with sparse weights computes what the reference computes, run after run, in one segment", async () => {
    const { graph, inputs } = tinyNetwork();
    const executable = await webgpu.prepare(plan(graph));
    for (const seed of [99, 100]) {
      const x = randomTensor(inputs.x.shape, seed);
      expectSame(await executable.run({ x }), await runOn(reference, graph, { x }), tolerance);
    }
    const rows = await executable.profile(inputs, 1);
    expect(rows.filter(({ kernel }) => kernel === "reference")).toEqual([]);
    expect(rows.map(({ node }) => node)).toContain("Conv 'Conv4' + Add + Relu");
    expect(rows.some(({ detail }) => detail.startsWith("sparse: "))).toBe(true);
    executable.dispose();
  });

  test("a network with nodes that have no kernel in its middle, too", async () => {
    const { graph, inputs } = hostedNetwork();
    expectSame(await runOn(webgpu, graph, inputs), await runOn(reference, graph, inputs), tolerance);
  });

  test("values that are seen under several shapes", async () => {
    for (const { graph, inputs, name } of chains) {
      const found = await runOn(webgpu, graph, inputs);
      expectSame(found, await runOn(reference, graph, inputs), tolerance);
      expect(name).not.toBe("");
    }
  });

  test.each(blockShapes.map(nameOf))(
    "blocks of %s compute a convolution and a product",
    async (blocks) => {
      const pattern = { kind: "block", rows: 4, cols: 4 } as const;
      const sparse = (shape: number[]) =>
        constant(encodeWeight(randomTensor(shape, 1), randomMask(shape, pattern, 0.4, 2)));
      const conv = single("Conv", "conv", [randomTensor([1, 13, 6, 7], 3), sparse([21, 13, 3, 3])], {
        pads: [1, 1, 1, 1],
      });
      const gemm = single("Gemm", "gemm", [randomTensor([5, 21], 4), sparse([37, 21])], { transB: 1 });
      for (const { graph, inputs } of [conv, gemm]) {
        const executable = await webgpu.prepare(plan(graph), {
          choices: { [`${graph.name} 'node'`]: blocks },
        });
        expectSame(await executable.run(inputs), await runOn(reference, graph, inputs), tolerance);
        const [{ kernel }] = await executable.profile(inputs, 1);
        expect(kernel).toMatch(new RegExp(`_${blocks}$`));
        executable.dispose();
      }
    },
  );
});
