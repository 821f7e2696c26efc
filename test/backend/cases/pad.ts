/** Cases of Pad in all its modes. */
import { randomTensor } from "../../random.ts";
import { type Case, ints, scalar, single } from "./case.ts";

const x = randomTensor([1, 3, 4, 5], 1);

export const pad: Case[] = [
  single("Pad", "spatial", [x, ints(0, 0, 1, 2, 0, 0, 3, 4)]),
  single("Pad", "channels", [randomTensor([2, 16, 3, 3], 2), ints(0, 8, 0, 0, 0, 8, 0, 0)]),
  single("Pad", "with a value", [x, ints(1, 1, 0, 1, 0, 0, 2, 0), scalar(-2.5)]),
  single("Pad", "negative pads crop", [x, ints(0, -1, 1, -1, 0, 0, -2, 1)]),
  single("Pad", "a vector", [randomTensor([5], 3), ints(2, 3), scalar(1)]),
  single("Pad", "mode given", [x, ints(0, 0, 1, 1, 0, 0, 1, 1), scalar(0)], { mode: "constant" }),
  single("Pad", "axes", [x, ints(1, 2, 3, 4), scalar(0.5), ints(-1, 1)], {}, 18),
  single("Pad", "reflect", [x, ints(0, 1, 3, 4, 0, 2, 2, 1)], { mode: "reflect" }),
  single("Pad", "edge", [x, ints(0, 0, 1, 2, 0, 3, 0, 1)], { mode: "edge" }),
  single("Pad", "edge, a vector", [randomTensor([4], 4), ints(5, 6)], { mode: "edge" }),
  single("Pad", "wrap", [x, ints(0, 0, 1, 2, 0, 0, 3, 4)], { mode: "wrap" }, 19),
];
