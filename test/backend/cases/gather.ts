/** Cases of values taken from places, or put there. */
import { tensor } from "../../../runtime/model/tensor.ts";
import { randomTensor } from "../../random.ts";
import { randomInts } from "./bools.ts";
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
  single("Gather", "indices that are computed", [randomTensor([9, 4], 6), randomInts([2, 5], 7, -9, 9)]),
];

export const gatherElements: Case[] = [
  single("GatherElements", "rows", [randomTensor([3, 8], 11), randomInts([3, 5], 12, -8, 8)], {
    axis: 1,
  }),
  single("GatherElements", "fewer", [randomTensor([4, 3, 5], 13), randomInts([6, 2, 4], 14, 0, 4)]),
];

export const gatherND: Case[] = [
  single("GatherND", "elements", [randomTensor([3, 4], 15), pairs(3, 4)]),
  single("GatherND", "slices", [randomTensor([3, 4, 5], 16), pairs(3, 4)]),
  single(
    "GatherND",
    "of each of a batch",
    [randomTensor([2, 4, 5], 17), constant(randomInts([2, 3, 1], 18, 0, 4))],
    {
      batch_dims: 1,
    },
  ),
];

export const scatterElements: Case[] = [
  single("ScatterElements", "rows", [
    randomTensor([3, 8], 21),
    constant(tensor([2, 3], Int32Array.of(1, 0, -1, 2, 1, 0), "int32")),
    randomTensor([2, 3], 22),
  ]),
  single(
    "ScatterElements",
    "added up",
    [randomTensor([4, 6], 23), randomInts([4, 9], 24, -6, 6), randomTensor([4, 9], 25)],
    { axis: 1, reduction: "add" },
  ),
];

export const scatterND: Case[] = [
  single("ScatterND", "rows", [
    randomTensor([5, 3], 26),
    constant(tensor([2, 1], Int32Array.of(4, 1), "int32")),
    randomTensor([2, 3], 27),
  ]),
  single(
    "ScatterND",
    "elements, the largest",
    [randomTensor([3, 4], 28), pairs(3, 4), randomTensor([6], 29, -1, 2)],
    { reduction: "max" },
    18,
  ),
];

/** Six places in the first two axes. */
function pairs(h: number, w: number) {
  const data = Int32Array.from({ length: 12 }, (_, i) => (i * 7 + (i >> 2)) % (i % 2 ? w : h));
  return constant(tensor([6, 2], data, "int32"));
}
