/** Cases of Identity, Flatten, Reshape, Squeeze, Unsqueeze. */
import { randomTensor } from "../../random.ts";
import { type Case, ints, single } from "./case.ts";

const x = randomTensor([2, 5, 3, 4], 1);

export const identity: Case[] = [
  single("Identity", "an image", [x]),
  single("Identity", "a scalar", [randomTensor([], 2)]),
];

export const flatten: Case[] = [
  ...[0, 1, 2, 3, 4, -1, -3].map((axis) => single("Flatten", `axis ${axis}`, [x], { axis })),
  single("Flatten", "axis left out", [x]),
  single("Flatten", "one pixel", [randomTensor([1, 9, 1, 1], 3)]),
  single("Flatten", "a batch of images", [randomTensor([3, 7, 4, 5], 4)]),
];

export const reshape: Case[] = [
  single("Reshape", "to a matrix", [x, ints(10, 12)]),
  single("Reshape", "-1", [x, ints(2, -1)]),
  single("Reshape", "0 and -1", [x, ints(0, -1)]),
  single("Reshape", "0 in the middle", [x, ints(-1, 0, 2)]),
  single("Reshape", "to one dimension", [x, ints(-1)]),
  single("Reshape", "more dimensions", [x, ints(2, 1, 5, 3, 2, 2)]),
  single("Reshape", "a matrix to an image", [randomTensor([2, 36], 5), ints(2, 4, 3, 3)]),
  single("Reshape", "to a scalar", [randomTensor([1, 1], 6), ints()]),
  single("Reshape", "allowzero without zeros", [x, ints(4, 30)], { allowzero: 1 }),
];

export const squeeze: Case[] = [
  single("Squeeze", "all of size 1", [randomTensor([1, 7, 1, 1], 7)]),
  single("Squeeze", "axes 2 and 3", [randomTensor([1, 7, 1, 1], 8), ints(2, 3)]),
  single("Squeeze", "negative axis", [randomTensor([2, 3, 1], 9), ints(-1)]),
];

export const unsqueeze: Case[] = [
  single("Unsqueeze", "in front", [randomTensor([3, 4], 10), ints(0)]),
  single("Unsqueeze", "axes 2 and 3", [randomTensor([2, 9], 11), ints(2, 3)]),
  single("Unsqueeze", "not in order, negative", [randomTensor([5, 2], 12), ints(-1, 0)]),
];
