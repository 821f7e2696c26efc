/** Cases of Where and Cast. */
import { randomTensor } from "../../random.ts";
import { randomBools, randomInts } from "./bools.ts";
import { type Case, constant, scalar, single } from "./case.ts";

export const where: Case[] = [
  single("Where", "images", [
    randomBools([1, 9, 4, 5], 1),
    randomTensor([1, 9, 4, 5], 2),
    randomTensor([1, 9, 4, 5], 3),
  ]),
  single("Where", "a mask that broadcasts, a constant else", [
    randomBools([5, 1], 4),
    randomTensor([2, 5, 7], 5),
    scalar(-9),
  ]),
  single("Where", "a constant mask", [
    constant(randomBools([6, 6], 6)),
    randomTensor([3, 6, 6], 7),
    scalar(0),
  ]),
  single("Where", "int32", [randomBools([8], 8), randomInts([8], 9, -5, 5), randomInts([1], 10, 7, 8)]),
];

const [toFloat, toUint8, toInt32, toBool] = [1, 2, 6, 9];

export const cast: Case[] = [
  single("Cast", "float to int32", [randomTensor([3, 7], 1, -9, 9)], { to: toInt32 }),
  single("Cast", "float to bool", [randomTensor([4], 2)], { to: toBool }),
  single("Cast", "int32 to float", [randomInts([2, 3, 4], 3, -99, 99)], { to: toFloat }),
  single("Cast", "bool to float", [randomBools([5], 4)], { to: toFloat }),
  single("Cast", "float to uint8", [randomTensor([6], 5, 0, 255)], { to: toUint8 }),
  single("Cast", "float to float", [randomTensor([1, 9, 2, 2], 6)], { to: toFloat }),
];
