/** Cases of the reductions, and of the places of largest and smallest values. */
import type { Attr } from "../../../runtime/model/graph.ts";
import { tensor } from "../../../runtime/model/tensor.ts";
import { randomTensor } from "../../random.ts";
import { randomInts } from "./bools.ts";
import { type Case, single } from "./case.ts";

const rows: [name: string, shape: number[], attrs: Record<string, Attr>][] = [
  ["global pool", [2, 9, 5, 7], { axes: [2, 3] }],
  ["global pool, keepdims 0", [2, 16, 4, 4], { axes: [2, 3], keepdims: 0 }],
  ["negative axes", [1, 8, 3, 5], { axes: [-1, -2], keepdims: 0 }],
  ["channels", [2, 7, 3, 3], { axes: [1] }],
  ["all", [2, 3, 4], {}],
  ["all, keepdims 0", [2, 3, 4], { keepdims: 0 }],
  ["first and last", [3, 4, 5], { axes: [0, 2] }],
  ["rows", [2, 5, 19], { axes: [-1] }],
  ["rows of an image, keepdims 0", [2, 9, 4, 7], { axes: [3], keepdims: 0 }],
];

function reduce(op: string): Case[] {
  return rows.map(([name, shape, attrs], seed) =>
    single(op, name, [randomTensor(shape, seed + 1)], attrs),
  );
}

/** Its axes are an input in opset 17 already: written so from 18 on. */
export const reduceSum = reduce("ReduceSum").map((each) => ({ ...each, opset: 18 }));
export const reduceMean = reduce("ReduceMean");
export const reduceMax = reduce("ReduceMax");
export const reduceMin = reduce("ReduceMin");
export const reduceProd: Case[] = [
  ...reduce("ReduceProd"),
  single("ReduceProd", "int32", [randomInts([3, 4], 9, 1, 4)], { axes: [1] }),
];

const places: [name: string, shape: number[], attrs: Record<string, Attr>][] = [
  ["rows", [5, 9], { axis: -1 }],
  ["channels, keepdims 0", [2, 9, 4, 3], { axis: 1, keepdims: 0 }],
  ["the first axis", [7, 3], {}],
  ["the last of equals", [4, 30], { axis: 1, select_last_index: 1 }],
];

function arg(op: string): Case[] {
  return places.map(([name, shape, attrs], seed) => single(op, name, [floats(shape, seed + 1)], attrs));
}

/** Few values, so that some are equal. */
function floats(shape: number[], seed: number) {
  return tensor(shape, Float32Array.from(randomInts(shape, seed, -4, 5).data));
}

export const argMax = arg("ArgMax");
export const argMin = arg("ArgMin");
