/** Pruning a network of the zoo: exact in what is kept, uneven among layers, and the same results packed as masked. */
import { expect, test } from "vitest";
import { buildNetwork, type ZooName, zoo } from "../../demo/zoo/index.ts";
import { pruneNetwork } from "../../demo/zoo/prune.ts";
import { exportOnnx } from "../../pruner/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { decodeWeight } from "../../runtime/model/sparse/index.ts";
import { plan } from "../../runtime/plan.ts";
import { relativeError } from "../bench/relative-error.ts";
import { runOnnx } from "../oracle/ort.ts";
import { randomTensor } from "../random.ts";

const cases: [name: ZooName, pattern: string, sparsity: number][] = [
  ["mobilenetv2", "block:16x8", 0.7],
  ["mobilenetv2", "2:4", 0.5],
  ["mobilenetv2", "unstructured", 0.9],
  ["yolov5n", "block:16x8", 0.7],
  ["deit-tiny", "block:16x8", 0.7],
  ["deit-tiny", "block:4x4", 0.5],
  ["deit-tiny", "unstructured", 0.7],
];

test.each(cases)(
  "%s pruned to %s at %s gives what its masked weights give",
  async (name, pattern, sparsity) => {
    const dense = buildNetwork(name, { size: zoo[name].smallSize });
    const { graph, report } = await pruneNetwork(dense, { pattern, sparsity, exclude: zoo[name].heads });
    expect(report.blocks.kept).toBe(report.blocks.asked);
    const image = { image: randomTensor(graph.inputs[0].shape as number[], 3, -1.7, 1.7) };
    const executable = await wasm.prepare(plan(graph));
    const error = relativeError(await runOnnx(exportOnnx(graph), image), await executable.run(image));
    executable.dispose();
    expect(error).toBeLessThan(1e-3);
  },
);

test("some layers keep several times the share of others", async () => {
  const { report } = await pruneNetwork(buildNetwork("mobilenetv2"), { sparsity: 0.7 });
  const densities = report.layers.map(({ keptElements, elements }) => keptElements / elements);
  expect(Math.max(...densities) / Math.min(...densities)).toBeGreaterThan(3);
});

test("what stays keeps its value to the last bits", async () => {
  const name = "features.18.weight";
  const dense = buildNetwork("mobilenetv2");
  const { graph } = await pruneNetwork(dense, { sparsity: 0.5 });
  const before = decodeWeight(dense.constants.get(name)!).data;
  const after = decodeWeight(graph.constants.get(name)!).data;
  const isKept = (value: number, i: number) => Math.abs(value - before[i]) <= 1e-6 * Math.abs(before[i]);
  expect(after.every((value, i) => value === 0 || isKept(value, i))).toBe(true);
});
