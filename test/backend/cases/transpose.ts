/** Cases of Transpose. */
import { randomTensor } from "../../random.ts";
import { type Case, single } from "./case.ts";

const rows: [shape: number[], perm: number[]][] = [
  [
    [3, 5],
    [1, 0],
  ],
  [
    [2, 3, 4],
    [0, 2, 1],
  ],
  [
    [2, 9, 4, 5],
    [0, 2, 3, 1],
  ],
  [
    [2, 4, 5, 9],
    [0, 3, 1, 2],
  ],
  [
    [2, 3, 4, 5],
    [3, 1, 0, 2],
  ],
  [
    [2, 2, 3, 2, 2],
    [0, 2, 4, 1, 3],
  ],
  [[7], [0]],
];

export const transpose: Case[] = [
  ...rows.map(([shape, perm], seed) =>
    single("Transpose", `[${shape}] by [${perm}]`, [randomTensor(shape, seed + 1)], { perm }),
  ),
  single("Transpose", "no perm: reversed", [randomTensor([2, 3, 4, 5], 11)]),
];
