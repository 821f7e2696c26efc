/** Cases of the functions of one variable. */
import { tensor } from "../../../runtime/model/tensor.ts";
import { randomTensor } from "../../random.ts";
import { randomBools } from "./bools.ts";
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
export const acos = unary("Acos", -1, 1);
export const asin = unary("Asin", -1, 1);
export const atan = unary("Atan");
export const ceil = unary("Ceil");
export const cos = unary("Cos");
export const floor = unary("Floor");
export const mish = unary("Mish").map((each) => ({ ...each, opset: 18 }));
export const round: Case[] = [
  ...unary("Round"),
  single("Round", "halves", [tensor([7], Float32Array.of(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.499999))]),
];
export const sign = unary("Sign");
export const sin = unary("Sin");
export const softplus = unary("Softplus", -30, 30);
export const tan = unary("Tan", -1.5, 1.5);
export const not: Case[] = shapes.map((shape, seed) =>
  single("Not", `[${shape}]`, [randomBools(shape, seed + 1)]),
);
