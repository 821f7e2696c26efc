/** Debug level 3 on a backend with one wrong node: the node is named. */
import { expect, test } from "vitest";
import type { Backend } from "../../runtime/backends/backend.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { comparing, differenceOf } from "../../runtime/compare.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";

/** The reference, but that Relu lets everything pass; as a fused kernel only where `isFusedOnly`. */
function wrongRelu(isFusedOnly: boolean): Backend {
  return {
    ...reference,
    name: "wrong",
    prepare(planned, options) {
      const isSeen = planned.graph.outputs.some(({ name }) => name === "stem.out");
      const nodes = planned.graph.nodes.map((node) =>
        node.op === "Relu" && !(isFusedOnly && isSeen) ? { ...node, op: "Identity" } : node,
      );
      return reference.prepare(plan({ ...planned.graph, nodes }), options);
    },
  };
}

const planned = plan(tinyClassifier());
const image: Tensor = tensor([1, 3, 9, 9], tinyImage(1));

test.each([
  [
    false,
    /^wrong: output 'logits' is .*; the first node that differs is Relu 'stem.relu': 'features' is -/,
  ],
  [true, /^wrong: output 'logits' is .*; with every value kept no node differs: the fault is in fused/],
])("a wrong Relu is found (in fused nodes only: %s)", async (isFusedOnly, message) => {
  const backend = wrongRelu(isFusedOnly);
  const executable = await comparing(await backend.prepare(planned), planned, backend, reference);
  await expect(executable.run({ image })).rejects.toThrow(message);
});

test("a right backend passes, with its outputs", async () => {
  const executable = await comparing(await reference.prepare(planned), planned, reference, reference);
  expect((await executable.run({ image })).logits.shape).toEqual([1, 5]);
});

test.each<[claim: string, found: number[], expected: number[], difference: RegExp | undefined]>([
  ["equal", [1, 2], [1, 2], undefined],
  ["close for its size", [1000.05, 0], [1000, 0], undefined],
  ["far", [1.01, 0], [1, 0], /is 1.0.* at 0; the reference says 1/],
  ["farthest", [0.1, 7], [0, 0], /is 7 at 1/],
  [
    "no number, as expected",
    [Number.NaN, Number.POSITIVE_INFINITY],
    [Number.NaN, Number.POSITIVE_INFINITY],
    undefined,
  ],
  ["no number", [0, Number.NaN], [0, 1], /is NaN at 1; the reference says 1/],
  ["a number where none was", [0, 1], [0, Number.NaN], /is 1 at 1; the reference says NaN/],
  ["infinite", [Number.POSITIVE_INFINITY, 0], [1, 0], /is Infinity at 0/],
])("values that are %s", (_, found, expected, difference) => {
  const result = differenceOf(
    tensor([2], Float32Array.from(found)),
    tensor([2], Float32Array.from(expected)),
  );
  if (difference) expect(result).toMatch(difference);
  else expect(result).toBeUndefined();
});

test("another shape is a difference", () => {
  expect(differenceOf(tensor([2], new Float32Array(2)), tensor([1, 2], new Float32Array(2)))).toMatch(
    /is float32 \[2\]; the reference says float32 \[1,2\]/,
  );
});
