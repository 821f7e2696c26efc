/** Cases of TopK and CumSum. */
import type { Attr } from "../../../runtime/model/graph.ts";
import { randomTensor } from "../../random.ts";
import { randomInts } from "./bools.ts";
import { type Case, type CaseInput, ints, single } from "./case.ts";

const top = (name: string, inputs: CaseInput[], attrs: Record<string, Attr> = {}) =>
  single("TopK", name, inputs, attrs, undefined, ["y", "places"]);

export const topK: Case[] = [
  top("of rows", [randomTensor([4, 20], 1), ints(5)]),
  top("of channels", [randomTensor([2, 9, 3, 2], 2), ints(2)], { axis: 1 }),
  top("the smallest", [randomTensor([30], 3), ints(7)], { largest: 0 }),
  top("equal ones in their order", [randomInts([2, 40], 4, 0, 5), ints(12)]),
];

export const cumSum: Case[] = [
  single("CumSum", "rows", [randomTensor([3, 8], 1), ints(1)]),
  single("CumSum", "columns, backwards", [randomTensor([5, 4], 2), ints(0)], { reverse: 1 }),
  single("CumSum", "without the value itself", [randomTensor([2, 3, 4], 3), ints(-2)], { exclusive: 1 }),
];
