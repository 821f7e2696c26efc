/** What is refused leaves nothing behind: each one clear error, at once, and the memory is as it was before. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { importOnnx } from "../../pruner/import/onnx.ts";
import { dataTypes } from "../../pruner/import/onnx-types.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { plan } from "../../runtime/plan.ts";
import { float32, int64, type ModelInit, model, node, type TensorInit } from "./onnx-model.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const claimed = (values: bigint): TensorInit => ({
  name: "c",
  dims: [values],
  dataType: dataTypes.float,
});
const outside = (location: string, offset: number, length: number): TensorInit => ({
  name: "c",
  dims: [BigInt(length / 4)],
  dataType: dataTypes.float,
  dataLocation: 1,
  externalData: Object.entries({ location, offset, length }).map(([key, value]) => {
    return { key, value: String(value) };
  }),
});
const beside = new Uint8Array(64);

const rows: [claim: string, init: ModelInit, message: RegExp][] = [
  [
    "an operator that is not supported",
    { nodes: [node("NonMaxSuppression")] },
    /^NonMaxSuppression 'NonMaxSuppression_0': the operator is not supported/,
  ],
  [
    "a cycle",
    {
      nodes: [
        { opType: "Add", name: "first", input: ["x", "b"], output: ["a"] },
        { opType: "Relu", name: "second", input: ["a"], output: ["b"] },
        node("Relu", ["b"]),
      ],
    },
    /the graph has a cycle/,
  ],
  [
    "an initializer that is missing",
    { nodes: [node("Add", ["x", "bias"])] },
    /^Add 'Add_0': reads 'bias', which no input, initializer or node makes/,
  ],
  [
    "a tensor of 2 GB that the file does not hold",
    { nodes: [node("Add", ["x", "c"])], initializers: [claimed(2n ** 29n)] },
    /'c': its shape needs 536870912 values, found 0/,
  ],
  [
    "a tensor of more values than there can be",
    { nodes: [node("Add", ["x", "c"])], initializers: [claimed(2n ** 60n)] },
    /'c'.* overflows: at most 536870912 elements/,
  ],
  [
    "a value of 2 GB that a few nodes make",
    {
      nodes: [node("Expand", ["x", "sizes"])],
      shape: [1, 1],
      initializers: [int64("sizes", 2 ** 15, 2 ** 15)],
    },
    /^Expand 'Expand_0': 'y': shape \[32768,32768\] overflows: at most 536870912 elements/,
  ],
  [
    "a constant of 1 GB that a node makes",
    {
      nodes: [{ opType: "ConstantOfShape", input: ["sizes"], output: ["c"] }, node("Add", ["x", "c"])],
      initializers: [int64("sizes", 2 ** 28)],
    },
    /^ConstantOfShape 'ConstantOfShape_0': makes 268435456 values of constants; at most/,
  ],
  [
    "an image that is enlarged to 4 GB",
    {
      nodes: [node("Resize", ["x", "", "scales"])],
      shape: [1, 1, 64, 64],
      initializers: [float32("scales", [4], [1, 1, 512, 512])],
    },
    /^Resize 'Resize_0': .*(alive|overflows|at most)/,
  ],
  [
    "data outside of the file that end too early",
    { nodes: [node("Add", ["x", "c"])], initializers: [outside("w.bin", 32, 2 ** 31 - 4)] },
    /'c': its data are bytes 32 to 2147483676 of "w.bin", which has 64/,
  ],
  [
    "data in a file that is not there",
    { nodes: [node("Add", ["x", "c"])], initializers: [outside("v.bin", 0, 8)] },
    /'c': its data lie in "v.bin", which is not there/,
  ],
];

const rounds = 20;
const mostMs = 5000; // nothing hangs
const mostLeftBytes = 4 * 2 ** 20; // what the engine's own tables may have grown by

test.each(rows)("%s", async (_claim, init, message) => {
  const bytes = model(init);
  expect(bytes.length).toBeLessThan(1024);
  const refused = async () => {
    const external = (location: string) => (location === "w.bin" ? beside : undefined);
    return wasm.prepare(plan(importOnnx(bytes, external)));
  };
  const error = expect.objectContaining({ name: "ModelError", message: expect.stringMatching(message) });
  await expect(refused()).rejects.toEqual(error);
  const before = heldBytes();
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await refused().catch(() => {});
    expect(performance.now() - start).toBeLessThan(mostMs);
  }
  expect(heldBytes() - before).toBeLessThan(mostLeftBytes);
});

function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
