/** Cases of MatMul: matrices, batches that broadcast, vectors. */
import { randomTensor } from "../../random.ts";
import { type Case, constant, single } from "./case.ts";

const shapes: [a: number[], b: number[]][] = [
  [
    [1, 1],
    [1, 1],
  ],
  [
    [5, 7],
    [7, 9],
  ],
  [
    [1, 64],
    [64, 10],
  ],
  [
    [17, 33],
    [33, 3],
  ],
  [
    [2, 3, 4],
    [2, 4, 5],
  ],
  [
    [2, 3, 4],
    [4, 5],
  ],
  [
    [3, 4],
    [2, 4, 5],
  ],
  [
    [2, 1, 3, 4],
    [5, 4, 6],
  ],
  [
    [1, 2, 3, 4],
    [3, 1, 4, 2],
  ],
  [
    [2, 3, 13, 20],
    [2, 3, 20, 11],
  ],
  [
    [2, 1, 7, 33],
    [3, 33, 40],
  ],
  [
    [2, 2, 2, 5, 6],
    [2, 6, 9],
  ],
  [[4], [4, 3]],
  [[3, 4], [4]],
  [[4], [4]],
  [[2, 3, 4], [4]],
];

export const matmul: Case[] = [
  ...shapes.map(([a, b], seed) =>
    single("MatMul", `[${a}] by [${b}]`, [randomTensor(a, seed + 1), randomTensor(b, seed + 31)]),
  ),
  single("MatMul", "constant B", [randomTensor([6, 20], 61), constant(randomTensor([20, 11], 62))]),
];
