/** Cases of Relu, Clip, Sigmoid. */
import { randomTensor } from "../../random.ts";
import { type Case, scalar, single } from "./case.ts";

const shapes = [[1], [7], [3, 17], [1, 5, 4, 3], [2, 16, 3, 3], [2, 3, 2, 2, 3], []];

function activation(op: string): Case[] {
  return shapes.map((shape, seed) => single(op, `[${shape}]`, [randomTensor(shape, seed + 1, -8, 8)]));
}

export const relu = activation("Relu");
export const sigmoid = activation("Sigmoid");

export const clip: Case[] = [
  ...shapes.map((shape, seed) =>
    single("Clip", `0 to 6, [${shape}]`, [randomTensor(shape, seed + 1, -8, 8), scalar(0), scalar(6)]),
  ),
  single("Clip", "only a lower bound", [randomTensor([2, 9], 11), scalar(-0.25)]),
  single("Clip", "only an upper bound", [randomTensor([2, 9], 12), undefined, scalar(0.25)]),
  single("Clip", "bounds that cross", [randomTensor([2, 9], 15), scalar(0.5), scalar(-0.5)]),
  single("Clip", "no bound", [randomTensor([2, 9], 13)]),
  single("Clip", "-1.5 to 1.25", [randomTensor([1, 3, 5, 5], 14, -3, 3), scalar(-1.5), scalar(1.25)]),
];
