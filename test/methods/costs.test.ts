/** Budgets of multiplications and of time: what a block costs, and the file of costs. */
import { expect, test } from "vitest";
import {
  blockCosts,
  type CostedWeight,
  type CostFile,
  checkCosts,
  costTable,
  readCosts,
} from "../../pruner/methods/costs.ts";
import { blocksOf } from "../../pruner/pattern.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { zeros } from "../../runtime/model/tensor.ts";

const file: CostFile = {
  filigree: "costs",
  version: 1,
  model: "net",
  device: "Chrome 156, 1 thread",
  pattern: "block:4x4",
  layers: [
    {
      node: "a", // 3 + 2 kept
      points: [
        { kept: 4, microseconds: 11 },
        { kept: 2, microseconds: 7 },
        { kept: 1, microseconds: 5 },
      ],
    },
    {
      node: "b", // falls: noise
      points: [
        { kept: 2, microseconds: 4 },
        { kept: 1, microseconds: 5 },
      ],
    },
  ],
};

const weightOf = (node: string, shape: number[], places: number): CostedWeight => ({
  name: `${node}.weight`,
  node,
  places,
  value: zeros(shape, "float32") as CostedWeight["value"],
  blocks: blocksOf(shape, parsePattern("4x4")),
});

test("a block costs what it adds to the time of its layer, and never nothing", () => {
  const { microseconds, pattern } = costTable(file);
  expect(pattern).toBe("block:4x4");
  expect(microseconds.a).toBeCloseTo(2, 12);
  expect(microseconds.b).toBeCloseTo(0.002, 12);
  expect(readCosts(JSON.stringify(file), "costs.json")).toEqual(costTable(file));
});

test("a budget counts weights, multiplications or microseconds; a block at an edge counts in part", () => {
  const weights = [weightOf("a", [6, 4, 1, 1], 100), weightOf("b", [4, 4], 1)];
  const of = (budget: Parameters<typeof blockCosts>[1]) =>
    Object.fromEntries(
      [...(blockCosts(weights, budget) ?? [])].map(([name, costs]) => [name, [...costs]]),
    );
  expect(blockCosts(weights, "blocks")).toBeUndefined();
  expect(of("weights")).toEqual({ "a.weight": [16, 8], "b.weight": [16] });
  expect(of("macs")).toEqual({ "a.weight": [1600, 800], "b.weight": [16] });
  expect(of({ microseconds: { a: 3, b: 5 } })).toEqual({ "a.weight": [3, 1.5], "b.weight": [5] });
});

test.each([
  [[], "not a file of costs"],
  [{ ...file, filigree: "model" }, "not a file of costs"],
  [{ ...file, version: 2 }, "its version is 2; expected 1"],
  [{ ...file, pattern: undefined }, '"pattern" is not a text'],
  [{ ...file, layers: [] }, '"layers" is not a list'],
  [{ ...file, layers: [{ points: [] }] }, "layer 0 names no node"],
  [{ ...file, layers: [file.layers[0], file.layers[0]] }, "the node 'a' is there twice"],
  [{ ...file, layers: [{ node: "a" }] }, "'a' has no list of points"],
  [
    { ...file, layers: [{ node: "a", points: [{ kept: 0, microseconds: 1 }] }] },
    `'a' has the point {"kept":0,"microseconds":1}`,
  ],
  [{ ...file, layers: [{ node: "a", points: [{ kept: 1 }] }] }, "expected kept > 0, microseconds ≥ 0"],
  [
    { ...file, layers: [{ node: "a", points: [file.layers[0].points[0]] }] },
    "'a' was not measured at two different numbers",
  ],
])("a wrong file is refused with what is wrong: %#", (wrong, message) => {
  expect(() => checkCosts(wrong, "phone.json")).toThrow(`phone.json: `);
  expect(() => checkCosts(wrong, "phone.json")).toThrow(message);
});
