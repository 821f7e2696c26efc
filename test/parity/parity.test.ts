/** The check of models against ONNX Runtime: that it passes what is right, and sees what is wrong. */
import { describe, expect, test } from "vitest";
import { hasShared, whyNoShared } from "../shared.ts";
import { checkModel, type Runner, samplesWithin } from "./check.ts";
import { type LoadedModel, type ParityModel, parityModels } from "./models.ts";
import type { ParityRow } from "./row.ts";
import { parityTable } from "./table.ts";
import { mnist } from "./tasks/classification.ts";
import type { VariantName } from "./variants.ts";

const wasm: Runner = { backend: "wasm", threads: 1, taskGflops: 0.3 };
const reference: Runner = { backend: "reference", threads: 1, taskGflops: 0.02 };

describe.skipIf(!hasShared)(hasShared ? "models of the data pack" : whyNoShared, () => {
  test("a network of digits and one of pictures agree, dense and pruned, and give the figures of their tasks", async () => {
    const rows = [
      ...(await rowsOf("mnist/lenet", ["dense", "16x8", "2:4", "unstructured"], [wasm, reference])),
      ...(await rowsOf("cifar10/mlperf_resnet8", ["dense", "16x8"], [wasm])),
    ];
    expect(rows.filter(({ ok }) => !ok)).toEqual([]);
    expect(rows).toHaveLength(10);
    const measured = rows.filter(({ task }) => task !== null);
    expect(measured.map(({ model, backend }) => [model, backend])).toEqual([
      ["mnist/lenet", "wasm"],
      ["mnist/lenet", "reference"],
      ["cifar10/mlperf_resnet8", "wasm"],
    ]);
    expect(parityTable(rows).cells.map((cells) => cells.slice(0, 2))).toEqual([
      ["mnist/lenet", "dense"],
      ["mnist/lenet", "16x8"],
      ["mnist/lenet", "2:4"],
      ["mnist/lenet", "unstructured"],
      ["cifar10/mlperf_resnet8", "dense"],
      ["cifar10/mlperf_resnet8", "16x8"],
    ]);
  });

  test("other weights than ONNX Runtime has, and another figure than the published one, are seen", async () => {
    const { load, ...model } = modelCalled("mnist/lenet");
    const spoilt = (): LoadedModel => {
      const { graph, ...rest } = load();
      const constants = new Map(graph.constants);
      for (const [name, constant] of constants) {
        if (!("values" in constant) && constant.dtype === "float32" && constant.shape.length === 4) {
          const data = constant.data.map((value) => value * 1.01) as Float32Array;
          constants.set(name, { ...constant, data });
        }
      }
      return { graph: { ...graph, constants }, ...rest };
    };
    const [row] = await rowsFrom({ ...model, load: spoilt }, ["dense"], [wasm]);
    expect(row.ok).toBe(false);
    expect(row.maxRelError).toBeGreaterThan(1e-3);

    const task = { ...mnist(99), samples: 50 }; // of which all are right
    const [figures] = await rowsFrom({ ...model, load, task: () => task }, ["dense"], [wasm]);
    expect([figures.task, figures.expected, figures.ok]).toEqual([100, 99, false]);
  });
});

test("a file that cannot be imported gives a row that says why", async () => {
  const model: ParityModel = {
    name: "broken",
    load: () => {
      throw new Error("not an ONNX file");
    },
    gflops: () => 1,
    isSparse: false,
  };
  const rows = await rowsFrom(model, ["dense", "2:4"], [wasm, reference]);
  expect(rows.map(({ ok, maxRelError, note }) => [ok, maxRelError, note])).toEqual(
    Array(4).fill([false, null, "not an ONNX file"]),
  );
});

test.each([
  [10_000, 1e6, 10_000],
  [10_000, 5000, 1000],
  [10_000, 999, 100],
  [48, 47, 10],
  [48, 0.5, 1],
])("of %i samples, with work for %d, %i are run", (samples, most, run) => {
  expect(samplesWithin({ samples } as never, most)).toBe(run);
});

function modelCalled(name: string): ParityModel {
  return parityModels().find((model) => model.name === name)!;
}

function rowsOf(name: string, variants: VariantName[], runners: Runner[]): Promise<ParityRow[]> {
  return rowsFrom(modelCalled(name), variants, runners);
}

async function rowsFrom(
  model: ParityModel,
  variants: VariantName[],
  runners: Runner[],
): Promise<ParityRow[]> {
  const rows: ParityRow[] = [];
  for await (const row of checkModel(model, variants, runners)) rows.push(row);
  return rows;
}
