/** Cases of Slice. */
import { randomTensor } from "../../random.ts";
import { type Case, ints, single } from "./case.ts";

const x = randomTensor([2, 5, 8, 7], 1);
const end = 2 ** 31 - 1; // "to the end"

export const slice: Case[] = [
  single("Slice", "every second pixel", [x, ints(0, 0), ints(end, end), ints(2, 3), ints(2, 2)]),
  single("Slice", "every second pixel, 16 channels", [
    randomTensor([1, 16, 9, 9], 2),
    ints(0, 0),
    ints(end, end),
    ints(2, 3),
    ints(2, 2),
  ]),
  single("Slice", "channels", [x, ints(1), ints(4), ints(1)]),
  single("Slice", "first axes, no axes given", [x, ints(1, 2), ints(2, end)]),
  single("Slice", "negative start and end", [x, ints(-3), ints(-1), ints(-1)]),
  single("Slice", "backwards", [x, ints(-1, 6), ints(-end - 1, 1), ints(2, 3), ints(-1, -2)]),
  single("Slice", "beyond the ends", [x, ints(-100), ints(100), ints(2), ints(3)]),
];
