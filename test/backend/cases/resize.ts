/** Cases of Resize: both modes, all ways to find a place in the input, up and down, by scales and by sizes. */
import { tensor } from "../../../runtime/model/tensor.ts";
import { randomTensor } from "../../random.ts";
import { type Case, constant, ints, single } from "./case.ts";

const image = randomTensor([1, 5, 4, 3], 1);
const batch = randomTensor([2, 16, 5, 7], 2);
const scales = (...values: number[]) => constant(tensor([values.length], Float32Array.from(values)));

const places = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"];
const rounding = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"];

export const resize: Case[] = [
  ...places.flatMap((place) => {
    const attrs = { mode: "linear", coordinate_transformation_mode: place };
    return [
      single("Resize", `linear, ${place}, doubled`, [batch, undefined, scales(1, 1, 2, 2)], attrs),
      single(
        "Resize",
        `linear, ${place}, to sizes`,
        [image, undefined, undefined, ints(1, 5, 7, 10)],
        attrs,
      ),
      single(
        "Resize",
        `linear, ${place}, smaller`,
        [batch, undefined, undefined, ints(2, 16, 3, 1)],
        attrs,
      ),
    ];
  }),
  ...places.flatMap((place) =>
    rounding.map((nearest_mode) =>
      single(
        "Resize",
        `nearest, ${place}, ${nearest_mode}`,
        [image, undefined, undefined, ints(1, 5, 9, 2)],
        { mode: "nearest", coordinate_transformation_mode: place, nearest_mode },
      ),
    ),
  ),
  single("Resize", "nearest, doubled", [batch, undefined, scales(1, 1, 2, 2)], {
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  }),
  single("Resize", "the defaults, by a fraction", [image, undefined, scales(1, 1, 2.5, 0.75)]),
  single("Resize", "by nothing", [image, undefined, scales(1, 1, 1, 1)]),
  single(
    "Resize",
    "axes",
    [batch, undefined, undefined, ints(4, 9)],
    { axes: [-1, 2], mode: "linear" },
    18,
  ),
];
