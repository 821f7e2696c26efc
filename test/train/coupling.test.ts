/** Channels that can only vanish together share one mask entry; what scales or shifts them follows. */
import { expect, test } from "vitest";
import { methods } from "../../pruner/methods/index.ts";
import { blocksOf } from "../../pruner/pattern.ts";
import { coupleChannels } from "../../pruner/train/coupling.ts";
import { multiplyMasks } from "../../pruner/train/masking.ts";
import { normal, random } from "../../pruner/train/random.ts";
import type { NodeWeight } from "../../pruner/weights.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";

const draw = normal(random(1));
const constants = new Map<string, Tensor>();
const constant = (name: string, shape: number[]) => {
  const size = shape.reduce((a, b) => a * b, 1);
  constants.set(
    name,
    tensor(
      shape,
      Float32Array.from({ length: size }, () => Math.abs(draw()) + 0.1),
    ),
  );
  return name;
};
const conv = (name: string, input: string, outputs: number, inputs: number, group = 1): Node => ({
  name,
  op: "Conv",
  inputs: [input, constant(`${name}.weight`, [outputs, inputs / group, 1, 1])],
  outputs: [name],
  attrs: { group },
});
const norm = (name: string, input: string, channels: number): Node => ({
  name,
  op: "BatchNormalization",
  inputs: [
    input,
    ...["scale", "shift", "mean", "var"].map((part) => constant(`${name}.${part}`, [channels])),
  ],
  outputs: [name],
  attrs: {},
});
const plain = (op: string, name: string, inputs: string[], attrs = {}): Node => ({
  name,
  op,
  inputs,
  outputs: [name],
  attrs,
});

/**
 * stem -> a -> bn -> relu -> depthwise -> b -> + stem -> c -> [c, d side by side] -> e
 * What a residual adds (stem and b), and what a depthwise convolution passes on (a), are tied; c and d lie side by side.
 */
const nodes: Node[] = [
  conv("stem", "x", 8, 4),
  conv("a", "stem", 12, 8),
  norm("bn", "a", 12),
  plain("Relu", "relu", ["bn"]),
  conv("depthwise", "relu", 12, 12, 12),
  conv("b", "depthwise", 8, 12),
  plain("Add", "sum", ["stem", "b"]),
  conv("c", "sum", 6, 8),
  conv("d", "sum", 4, 8),
  plain("Concat", "both", ["c", "d"], { axis: 1 }),
  norm("bn2", "both", 10),
  conv("e", "bn2", 5, 10),
];
const graph: Graph = {
  name: "coupled",
  inputs: [{ name: "x", dtype: "float32", shape: [1, 4, 3, 3] }],
  outputs: [{ name: "e", dtype: "float32", shape: [1, 5, 3, 3] }],
  nodes,
  constants,
};
const channel = parsePattern("channel");
const weights: NodeWeight[] = ["stem", "a", "b", "c", "d"].map((node) => {
  const value = constants.get(`${node}.weight`) as Tensor<"float32">;
  return { node, name: `${node}.weight`, value, blocks: blocksOf(value.shape, channel) };
});
const coupled = coupleChannels(graph, weights);
const [stem, a, b, c, d] = coupled;

test("both sides of a residual share their entries; other layers have entries of their own", () => {
  expect([...stem.ties!]).toEqual([...b.ties!]);
  const distinct = new Set([...stem.ties!, ...a.ties!, ...c.ties!, ...d.ties!]);
  expect(distinct.size).toBe(8 + 12 + 6 + 4);
});

test("a depthwise filter, scales and shifts follow the channels that they read", () => {
  expect(new Set(a.followers)).toEqual(new Set(["bn.scale", "bn.shift", "depthwise.weight"]));
  for (const one of [stem, b]) expect(one.followers).toEqual([]);
});

test.each(["smart", "magnitude", "lamp"] as const)(
  "%s removes tied channels in every weight at once",
  (name) => {
    const run = methods[name](
      coupled,
      { pattern: channel, sparsity: 0.5, maxSparsity: 0.9 },
      { steps: 4 },
    );
    const masks = run.masks();
    const rows = (weight: string, outputs: number) => {
      const { keep } = masks.get(weight)!;
      return Array.from({ length: outputs }, (_, row) => keep[(row * keep.length) / outputs]);
    };
    expect(rows("stem.weight", 8)).toEqual(rows("b.weight", 8));
    // A tied entry counts for the two filters that it removes: half of the 38 stay.
    const kept = [
      ["stem", 8],
      ["a", 12],
      ["b", 8],
      ["c", 6],
      ["d", 4],
    ] as const;
    const filters = kept.flatMap(([node, outputs]) => rows(`${node}.weight`, outputs));
    expect(filters.reduce((sum, keep) => sum + keep, 0)).toBe(19);

    const masked = multiplyMasks(graph, coupled, masks);
    const values = (constant: string) => (masked.constants.get(constant) as Tensor<"float32">).data;
    rows("a.weight", 12).forEach((keep, row) => {
      for (const follower of ["bn.scale", "bn.shift", "depthwise.weight"]) {
        expect(values(follower)[row] === 0, `${follower} ${row}`).toBe(keep === 0);
      }
    });
  },
);
