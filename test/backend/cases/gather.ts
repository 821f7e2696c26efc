/** Cases of Gather with constant indices. */
import { tensor } from "../../../runtime/model/tensor.ts";
import { randomTensor } from "../../random.ts";
import { type Case, constant, ints, single } from "./case.ts";

const index = (i: number) => constant(tensor([], Int32Array.of(i), "int32"));
const image = randomTensor([2, 9, 4, 5], 1);

export const gather: Case[] = [
  single("Gather", "one channel of an image", [image, index(3)], { axis: 1 }),
  single("Gather", "the first token", [randomTensor([1, 17, 24], 2), index(0)], { axis: 1 }),
  single("Gather", "the last row", [randomTensor([5, 6], 3), index(-1)]),
  single("Gather", "pixels, again and backwards", [image, ints(4, 3, 2, 2, 0)], { axis: 3 }),
  single("Gather", "every third channel", [image, ints(0, 3, 6)], { axis: -3 }),
  single("Gather", "queries of five dimensions", [randomTensor([3, 2, 4, 5, 6], 4), index(1)]),
  single("Gather", "a table of indices", [
    randomTensor([6, 3], 5),
    constant(tensor([2, 3], Int32Array.of(0, 5, 2, 2, -6, 1), "int32")),
  ]),
];
