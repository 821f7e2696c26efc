/** Cases of what is made of sizes and numbers. */
import { tensor } from "../../../runtime/model/tensor.ts";
import { randomTensor } from "../../random.ts";
import { type Case, constant, ints, scalar, single } from "./case.ts";

const int = (value: number) => constant(tensor([], Int32Array.of(value), "int32"));

export const shape: Case[] = [
  single("Shape", "all", [randomTensor([2, 3, 5], 1)]),
  single("Shape", "some", [randomTensor([2, 3, 5, 7], 2)], { start: 1, end: -1 }),
];

export const constantOfShape: Case[] = [
  single("ConstantOfShape", "zeros", [ints(2, 3)]),
  single("ConstantOfShape", "a float", [ints(4)], { value: tensor([1], Float32Array.of(1.5)) }),
  single("ConstantOfShape", "an int32", [ints(1, 2, 3)], {
    value: tensor([1], Int32Array.of(-7), "int32"),
  }),
];

export const range: Case[] = [
  single("Range", "int32", [int(3), int(20), int(4)]),
  single("Range", "backwards", [int(5), int(0), int(-2)]),
  single("Range", "floats", [scalar(0.5), scalar(3), scalar(0.25)]),
  single("Range", "nothing", [int(5), int(0), int(1)]),
];
