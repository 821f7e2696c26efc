/** Cases of ReduceMean. */
import type { Attr } from "../../../runtime/model/graph.ts";
import { randomTensor } from "../../random.ts";
import { type Case, single } from "./case.ts";

const rows: [name: string, shape: number[], attrs: Record<string, Attr>][] = [
  ["global pool", [2, 9, 5, 7], { axes: [2, 3] }],
  ["global pool, keepdims 0", [2, 16, 4, 4], { axes: [2, 3], keepdims: 0 }],
  ["negative axes", [1, 8, 3, 5], { axes: [-1, -2], keepdims: 0 }],
  ["channels", [2, 7, 3, 3], { axes: [1] }],
  ["all", [2, 3, 4], {}],
  ["all, keepdims 0", [2, 3, 4], { keepdims: 0 }],
  ["first and last", [3, 4, 5], { axes: [0, 2] }],
];

export const reduceMean: Case[] = rows.map(([name, shape, attrs], seed) =>
  single("ReduceMean", name, [randomTensor(shape, seed + 1)], attrs),
);
