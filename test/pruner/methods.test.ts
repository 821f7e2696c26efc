import { expect, test } from "vitest";
import { buildNetwork } from "../../demo/zoo/index.ts";
import { importanceByRank } from "../../pruner/methods/dimap.ts";
import { methods } from "../../pruner/methods/index.ts";
import type { PrunableWeight, PruningTarget } from "../../pruner/methods/method.ts";
import { smart } from "../../pruner/methods/smart.ts";
import { modulesOf } from "../../pruner/modules.ts";
import { blocksOf, keptBlocks, sparsityOf } from "../../pruner/pattern.ts";
import { simplify } from "../../pruner/simplify.ts";
import { normal, random } from "../../pruner/train/random.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { tensor } from "../../runtime/model/tensor.ts";

function weightsOf(shapes: number[][], pattern: string, scale = (_: number) => 1): PrunableWeight[] {
  const draw = normal(random(11));
  return shapes.map((shape, l) => {
    const size = shape.reduce((a, b) => a * b);
    const data = Float32Array.from({ length: size }, () => draw() * scale(l));
    return { name: `w${l}`, value: tensor(shape, data), blocks: blocksOf(shape, parsePattern(pattern)) };
  });
}

const targetOf = (pattern: string, sparsity: number): PruningTarget => ({
  pattern: parsePattern(pattern),
  sparsity,
  maxSparsity: 0.98,
});
const shapes = [
  [32, 16, 3, 3],
  [20, 32, 1, 1],
  [10, 20],
];

test.each([
  ["smart", "16x8", 0.7],
  ["smart", "4x4", 0.5],
  ["smart", "channel", 0.25],
  ["smart", "unstructured", 0.9],
  ["dimap", "16x8", 0.7],
  ["dimap", "channel", 0.25],
  ["dimap", "unstructured", 0.9],
  ["magnitude", "16x8", 0.7],
  ["magnitude", "channel", 0.25],
  ["magnitude", "unstructured", 0.9],
] as const)("%s keeps exactly the asked blocks of %s at %d", (method, pattern, sparsity) => {
  const weights = weightsOf(shapes, pattern);
  const masks = methods[method](weights, targetOf(pattern, sparsity)).masks();
  const total = weights.reduce((sum, { blocks }) => sum + blocks.count, 0);
  const kept = [...masks.values()].reduce((sum, mask) => sum + keptBlocks(mask), 0);
  expect(kept).toBe(Math.round((1 - sparsity) * total));
});

test("magnitude at 2:4 removes half of every weight whose inputs are a multiple of 4", () => {
  const masks = methods.magnitude(weightsOf(shapes, "2:4"), targetOf("2:4", 0.5)).masks();
  expect([...masks.values()].map(sparsityOf)).toEqual([0.5, 0.5, 0.5]);
});

test("magnitude takes the smallest blocks, wherever they are", () => {
  const weights = weightsOf(shapes.slice(0, 1).concat(shapes.slice(0, 1)), "16x8", (l) =>
    l === 0 ? 1 : 10,
  );
  const masks = methods.magnitude(weights, targetOf("16x8", 0.5)).masks();
  expect([...masks.values()].map(keptBlocks)).toEqual([1, 35]);
});

test.each(["none", "layer", "fan-in"] as const)(
  "magnitude by %s compares layers in its unit",
  (scale) => {
    const same = [shapes[0], shapes[0]];
    const weights = weightsOf(same, "16x8", (l) => (l === 0 ? 1 : 1000));
    const masks = methods.magnitude(weights, { ...targetOf("16x8", 0.5), scale }).masks();
    const [small, large] = [...masks.values()].map(keptBlocks);
    expect(small + large).toBe(36);
    if (scale === "layer") expect(small).toBeGreaterThan(8);
    else expect(small).toBe(1); // layers of one shape have one fan-in
  },
);

test("the importance of DIMAP is a block's part of all that are as large", () => {
  expect([...importanceByRank(Float64Array.of(1, 4, 0, 3))]).toEqual([1, 3 / 7, 1 / 8, 0]);
  expect([...importanceByRank(Float64Array.of(0, 0))]).toEqual([0, 0]);
});

test("DIMAP does not see the scale of a layer, and takes the same part of every module", () => {
  const all = weightsOf([shapes[0], shapes[0], shapes[0]], "16x8", (l) => 1000 ** l);
  const modules = ["qkv", "qkv", "mlp"];
  const weights = all.map((weight, l) => ({ ...weight, module: modules[l] }));
  const kept = [...methods.dimap(weights, targetOf("16x8", 0.5)).masks().values()].map(keptBlocks);
  expect(kept[0] + kept[1]).toBe(36);
  expect(kept[2]).toBe(18);
  expect(Math.min(...kept)).toBeGreaterThan(8);
});

test("the modules of a transformer are told from what their results go into", () => {
  const graph = simplify(buildNetwork("deit-tiny", { size: [32, 32] }));
  const modules = modulesOf(graph);
  const of = (name: string) => modules.get(`blocks.3.${name}`);
  expect(["attn.q", "attn.k", "attn.v"].map(of)).toEqual(["qkv", "qkv", "qkv"]);
  expect(["attn.proj", "mlp.fc1", "mlp.fc2"].map(of)).toEqual(["projection", "mlp", "mlp"]);
  expect(modules.get("patch_embed")).toBe("other");
});

test("smart by norms starts from those relative to the layer, not from its scale", () => {
  const weights = weightsOf([shapes[0], shapes[0]], "16x8", (l) => (l === 0 ? 1 : 1000));
  const kept = [...smart(weights, targetOf("16x8", 0.5), { start: "norm" }).masks().values()].map(
    keptBlocks,
  );
  expect(Math.min(...kept)).toBeGreaterThan(8);
});

test("smart's soft masks sum to the budget at every step, also when a layer is held at its fewest", () => {
  const weights = weightsOf(shapes, "4x4");
  const run = smart(weights, targetOf("4x4", 0.9), { learningRate: 0.3 });
  const total = weights.reduce((sum, { blocks }) => sum + blocks.count, 0);
  for (let step = 1; step <= 30; step++) {
    // The first layer is pushed out as a whole: it must end at 2 % of its blocks.
    const gradients = new Map(
      weights.map(({ name, blocks }) => [
        name,
        new Float64Array(blocks.count).fill(name === "w0" ? 1 : -1),
      ]),
    );
    run.search!.step(gradients, step / 30, new Map());
    const masks = weights.map(({ name }) => run.search!.softMask(name));
    const sum = masks.reduce((all, mask) => all + mask.reduce((a, b) => a + b, 0), 0);
    expect(sum).toBeCloseTo(Math.round(0.1 * total), 3);
    expect(masks[0].reduce((a, b) => a + b)).toBeGreaterThan(0.02 * weights[0].blocks.count - 1e-3);
  }
  const kept = [...run.masks().values()].map(keptBlocks);
  expect(kept[0]).toBe(Math.ceil(0.02 * weights[0].blocks.count));
});

/** Least squares: 40 blocks of 4, where the smallest weights matter most. Magnitude must choose wrong. */
test("smart finds the blocks that matter where magnitude does not", () => {
  const importance = Float64Array.from({ length: 40 }, (_, b) => (b < 12 ? 25 : 0.01));
  const data = Float32Array.from({ length: 160 }, (_, e) => (e < 48 ? 0.5 : 1));
  const weights: PrunableWeight[] = [
    { name: "w", value: tensor([40, 4], data), blocks: blocksOf([40, 4], { kind: "channel" }) },
  ];
  const target = targetOf("channel", 0.7);
  const run = smart(weights, target);
  const steps = 300;
  for (let step = 1; step <= steps; step++) {
    const p = run.search!.softMask("w");
    // L = sum_b importance_b ||w_b||^2 (1 - p_b)^2 / 2
    const gradient = Float64Array.from(p, (value, b) => {
      return importance[b] * 4 * data[4 * b] ** 2 * (value - 1);
    });
    run.search!.step(new Map([["w", gradient]]), step / steps, new Map());
  }
  const matters = (method: "smart" | "magnitude") => {
    const mask = (method === "smart" ? run : methods.magnitude(weights, target)).masks().get("w")!;
    return mask.keep.slice(0, 48).reduce((a, b) => a + b, 0) / 4;
  };
  expect(run.search!.state().softFraction).toBeLessThan(0.01);
  expect(matters("smart")).toBe(12);
  expect(matters("magnitude")).toBe(0);
});
