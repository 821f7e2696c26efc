/** Cases of Concat. */
import { randomTensor } from "../../random.ts";
import { type Case, constant, single } from "./case.ts";

const rows: [axis: number, shapes: number[][]][] = [
  [
    1,
    [
      [1, 8, 3, 3],
      [1, 8, 3, 3],
    ],
  ],
  [
    1,
    [
      [2, 3, 4, 5],
      [2, 9, 4, 5],
      [2, 1, 4, 5],
    ],
  ],
  [
    0,
    [
      [1, 4, 2, 2],
      [3, 4, 2, 2],
    ],
  ],
  [
    2,
    [
      [1, 5, 2, 3],
      [1, 5, 4, 3],
    ],
  ],
  [
    3,
    [
      [1, 5, 2, 3],
      [1, 5, 2, 1],
    ],
  ],
  [
    -1,
    [
      [4, 3],
      [4, 6],
      [4, 2],
    ],
  ],
  [
    -3,
    [
      [2, 3, 4, 5],
      [2, 2, 4, 5],
    ],
  ],
  [0, [[3], [4]]],
  [1, [[1, 6, 5, 5]]],
];

export const concat: Case[] = [
  ...rows.map(([axis, shapes], seed) =>
    single(
      "Concat",
      `axis ${axis} of ${shapes.map((shape) => `[${shape}]`).join(" ")}`,
      shapes.map((shape, i) => randomTensor(shape, 10 * seed + i + 1)),
      { axis },
    ),
  ),
  single(
    "Concat",
    "with a constant",
    [randomTensor([1, 3, 2, 2], 91), constant(randomTensor([1, 2, 2, 2], 92))],
    { axis: 1 },
  ),
];
