/** Cases of the functions of one variable. */
import { randomTensor } from "../../random.ts";
import { type Case, single } from "./case.ts";

const shapes = [[1], [7], [3, 17], [1, 5, 4, 3], [2, 16, 3, 3], [2, 3, 2, 2, 3], []];

function unary(op: string, low = -8, high = 8): Case[] {
  return shapes.map((shape, seed) =>
    single(op, `[${shape}]`, [randomTensor(shape, seed + 1, low, high)]),
  );
}

export const abs = unary("Abs");
export const erf = unary("Erf", -4, 4);
export const exp = unary("Exp", -8, 3);
export const log = unary("Log", 0.01, 100);
export const neg = unary("Neg");
export const reciprocal = unary("Reciprocal", 0.1, 8);
export const sqrt = unary("Sqrt", 0, 100);
export const tanh = unary("Tanh");
