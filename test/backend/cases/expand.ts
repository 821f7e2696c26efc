/** Cases of Expand to a constant shape. */
import { randomTensor } from "../../random.ts";
import { type Case, ints, single } from "./case.ts";

export const expand: Case[] = [
  single("Expand", "a token to a batch", [randomTensor([1, 1, 24], 1), ints(3, 1, 1)]),
  single("Expand", "channels to an image", [randomTensor([2, 9, 1, 1], 2), ints(2, 9, 3, 5)]),
  single("Expand", "a vector to rows", [randomTensor([7], 3), ints(4, 7)]),
  single("Expand", "columns", [randomTensor([3, 1], 4), ints(1, 6)]),
  single("Expand", "a scalar", [randomTensor([], 5), ints(2, 3)]),
  single("Expand", "nothing", [randomTensor([2, 5], 6), ints(1)]),
];

export const tile: Case[] = [
  single("Tile", "an image, down and across", [randomTensor([1, 5, 3, 4], 11), ints(1, 1, 2, 3)]),
  single("Tile", "rows", [randomTensor([2, 3], 12), ints(3, 1)]),
  single("Tile", "nothing", [randomTensor([2, 3], 13), ints(0, 2)]),
];
