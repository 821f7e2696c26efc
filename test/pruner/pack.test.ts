/** Zeros that other tools left: named, stored by cost, refused where they are not what was expected. */
import { expect, test } from "vitest";
import { pack } from "../../pruner/pack.ts";
import { blocksOf, expand, keepInGroups } from "../../pruner/pattern.ts";
import { surveyZeros, whereBroken } from "../../pruner/zeros.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { formatPattern, parsePattern } from "../../runtime/model/pattern.ts";
import { decodeWeight } from "../../runtime/model/sparse/index.ts";
import { type Shape, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { randomWeight } from "../formats/examples.ts";
import { random, randomTensor } from "../random.ts";

/** A random weight with the zeros of a random mask of this pattern; of n:m, any n of each group are kept. */
function masked(shape: Shape, text: string, density: number, seed = 1): Tensor<"float32"> {
  const pattern = parsePattern(text);
  const blocks = blocksOf(shape, pattern);
  const scores = Float64Array.from({ length: blocks.count }, random(seed));
  const { keep } = expand(
    blocks,
    pattern.kind === "n:m"
      ? keepInGroups(scores, blocks, pattern)
      : Uint8Array.from(scores, (score) => (score < density ? 1 : 0)),
  );
  const { data } = randomTensor(shape, seed + 1, 0.5, 1);
  return tensor(
    shape,
    data.map((value, i) => value * keep[i]),
  );
}

test.each([
  ["16x8", 0.3],
  ["8x8", 0.3],
  ["8x4", 0.3],
  ["4x4", 0.3],
  ["16x1", 0.3],
  ["4x1", 0.3],
  ["1x4", 0.3],
  ["2:4", 1],
  ["1:4", 1],
  ["2:8x4", 1],
  ["2:4x16", 1],
  ["channel", 0.5],
  ["unstructured", 0.3],
])("zeros of %s are named so", (pattern, density) => {
  const { zeros, patterns } = surveyZeros(masked([64, 32, 3, 3], pattern, density));
  expect(zeros).toBeGreaterThan(0.3 * 64 * 32 * 9);
  expect(formatPattern(patterns[0].pattern)).toBe(formatPattern(parsePattern(pattern)));
  expect(patterns[0].share).toBeCloseTo(1, 2);
  expect(whereBroken(masked([64, 32, 3, 3], pattern, density), parsePattern(pattern))).toBeUndefined();
});

test("a weight without zeros has no pattern, and dead outputs and inputs are counted", () => {
  expect(surveyZeros(randomTensor([8, 8], 1, 1, 2)).patterns).toEqual([]);
  const weight = randomTensor([6, 5], 1, 1, 2);
  for (let i = 0; i < 30; i++) if (i % 5 === 3 || Math.floor(i / 5) === 2) weight.data[i] = 0;
  expect(surveyZeros(weight)).toMatchObject({ zeros: 10, deadOutputs: 1, deadInputs: 1 });
});

test.each([
  ["2:4", "output 3, inputs 4 to 7, tap 1: 3 of 4 are not zero; 2:4 has at most 2"],
  ["1:4", "output 0, inputs 0 to 3, tap 0: 2 of 4 are not zero; 1:4 has at most 1"],
  ["16x8", "no block:16x8 of it is zero"],
  ["channel", "no channel of it is zero"],
])("a broken 2:4 is not %s", (pattern, where) => {
  const weight = masked([16, 8, 1, 2], "2:4", 1, 3);
  const at = (output: number, input: number, tap: number) => (output * 8 + input) * 2 + tap;
  const free = [4, 5, 6, 7].find((input) => weight.data[at(3, input, 1)] === 0)!;
  weight.data[at(3, free, 1)] = 1;
  const found = whereBroken(weight, parsePattern(pattern))!;
  if (pattern.includes(":")) expect(found).toBe(where);
  else expect(found).toContain("zero; ");
});

/** Conv 3x3 of 16 to 32 channels, one of 32 to 32, one of 32 to 8. */
function network(pattern: string, density: number): Graph {
  const layers = [
    { name: "first", weight: randomWeight([16, 3, 1, 1], 1) },
    { name: "middle", weight: masked([32, 16, 3, 3], pattern, density, 2) },
    { name: "wide", weight: masked([32, 32, 1, 1], pattern, density, 3) },
    { name: "last", weight: randomWeight([8, 32, 1, 1], 4) },
  ];
  return {
    name: "pruned",
    inputs: [{ name: "x", dtype: "float32", shape: [1, 3, 8, 8] }],
    outputs: [{ name: "last", dtype: "float32", shape: [1, 8, 6, 6] }],
    nodes: layers.map(({ name }, i) => ({
      name,
      op: "Conv",
      inputs: [i ? layers[i - 1].name : "x", `${name}.weight`],
      outputs: [name],
      attrs: {},
    })),
    constants: new Map(layers.map(({ name, weight }) => [`${name}.weight`, weight])),
  };
}

test.each([
  ["16x8", 0.3],
  ["8x4", 0.3],
  ["4x1", 0.3],
  ["2:4", 1],
  ["unstructured", 0.2],
])(
  "a network pruned by %s is stored in fewer bytes, and computes the same",
  async (pattern, density) => {
    const graph = network(pattern, density);
    const packed = pack(graph, { keepChannels: true });
    const of = (node: string) => packed.layers.find((layer) => layer.node === node)!;
    for (const node of ["middle", "wide"]) {
      expect(of(node).found).toBe(formatPattern(parsePattern(pattern)));
      expect(of(node).storedBytes).toBeLessThan(0.8 * of(node).denseBytes);
      const { data } = decodeWeight(packed.graph.constants.get(`${node}.weight`)!);
      expect(data).toEqual((graph.constants.get(`${node}.weight`) as Tensor).data);
    }
    expect(of("first")).toMatchObject({ found: "", pattern: "dense", zeros: 0 });
    const x = randomTensor([1, 3, 8, 8], 5);
    const [a, b] = await Promise.all(
      [graph, packed.graph].map(async (which) => (await reference.prepare(plan(which))).run({ x })),
    );
    expect(b.last.data).toEqual(a.last.data);
  },
);

test("blocks are stored as blocks where they are the zeros, not as something smaller to write", () => {
  const { layers } = pack(network("16x8", 0.3), { keepChannels: true });
  expect(layers.find(({ node }) => node === "middle")!.pattern).toBe("block:16x8");
});

test("what is expected goes through, what is not is refused with its layer", () => {
  const graph = network("2:4", 1);
  const expected = parsePattern("2:4");
  expect(pack(graph, { expect: expected }).layers).toHaveLength(4);
  expect(() => pack(graph, { expect: parsePattern("1:4") })).toThrow(
    /^Conv 'middle': expected 1:4; output 0, inputs 0 to 3, tap 0: 2 of 4 are not zero.*2 of 2 layers/,
  );
  const weight = graph.constants.get("wide.weight") as Tensor<"float32">;
  weight.data.fill(1, 0, 4);
  expect(() => pack(graph, { expect: expected })).toThrow(
    "Conv 'wide': expected 2:4; output 0, inputs 0 to 3, tap 0: 4 of 4 are not zero",
  );
  expect(pack(graph, { expect: expected, exclude: ["wide"] }).layers).toHaveLength(4);
});

test("dead channels are removed before, or kept where that is asked for", () => {
  const graph = network("channel", 0.5);
  const packed = pack(graph);
  expect(packed.removed.layers.map(({ node }) => node)).toEqual(["middle", "wide"]);
  expect(packed.layers.find(({ node }) => node === "wide")!.shape[0]).toBeLessThan(32);
  const kept = pack(graph, { keepChannels: true });
  expect(kept.removed.layers).toEqual([]);
  expect(kept.layers.find(({ node }) => node === "wide")).toMatchObject({
    found: "channel",
    shape: [32, 32, 1, 1],
  });
});
