/** Cases of GlobalAveragePool and GlobalMaxPool. */
import { randomTensor } from "../../random.ts";
import { type Case, single } from "./case.ts";

const shapes = [
  [1, 8, 8, 8],
  [2, 17, 5, 3],
  [1, 3, 1, 1],
  [3, 1, 7, 1],
  [1, 10, 13],
  [1, 4, 2, 3, 2],
];

function globalPool(op: string): Case[] {
  return shapes.map((shape, seed) => single(op, `[${shape}]`, [randomTensor(shape, seed + 1, -3, 1)]));
}

export const globalAveragePool = globalPool("GlobalAveragePool");
export const globalMaxPool = globalPool("GlobalMaxPool");
