/** Cases of Gemm: transposes, factors, every shape of C, sparse weights. */

import type { SparsityPattern } from "../../../runtime/model/pattern.ts";
import { encodeWeight } from "../../../runtime/model/sparse/index.ts";
import { randomMask } from "../../formats/examples.ts";
import { randomTensor } from "../../random.ts";
import { type Case, constant, single } from "./case.ts";

const classifiers = [
  [1, 10, 64],
  [1, 1, 1],
  [3, 17, 33],
  [5, 33, 7],
  [8, 16, 8],
];

const sparse: [pattern: SparsityPattern, density: number][] = [
  [{ kind: "block", rows: 16, cols: 8 }, 0.4],
  [{ kind: "n:m", n: 1, m: 4 }, 1],
  [{ kind: "unstructured" }, 0.3],
];

const a = randomTensor([4, 6], 1);
const b = randomTensor([6, 5], 2);
const transposedA = randomTensor([6, 4], 3);
const transposedB = randomTensor([5, 6], 4);

export const gemm: Case[] = [
  ...classifiers.map(([M, N, K], seed) =>
    single(
      "Gemm",
      `classifier ${M} x ${N} x ${K}`,
      [
        randomTensor([M, K], seed + 10),
        constant(randomTensor([N, K], seed + 20)),
        constant(randomTensor([N], seed + 30)),
      ],
      { transB: 1 },
    ),
  ),
  single("Gemm", "no C", [a, constant(b)]),
  single("Gemm", "transA", [transposedA, constant(b)], { transA: 1 }),
  single(
    "Gemm",
    "both transposed, factors",
    [transposedA, transposedB, constant(randomTensor([5], 5))],
    {
      transA: 1,
      transB: 1,
      alpha: 0.5,
      beta: 2,
    },
  ),
  single("Gemm", "C is a matrix", [a, constant(b), randomTensor([4, 5], 6)]),
  single("Gemm", "C is a column", [a, constant(b), randomTensor([4, 1], 7)], { beta: -1.5 }),
  single("Gemm", "C is a scalar", [a, b, constant(randomTensor([], 8))]),
  single("Gemm", "C is one value", [a, b, constant(randomTensor([1, 1], 9))], { alpha: 3 }),
  ...sparse.map(([pattern, density], seed) => {
    const weight = randomTensor([37, 45], seed + 41);
    const encoded = encodeWeight(weight, randomMask(weight.shape, pattern, density, seed + 51));
    const bias = constant(randomTensor([37], seed + 71));
    return single(
      "Gemm",
      `sparse ${JSON.stringify(pattern)}`,
      [randomTensor([3, 45], seed + 61), constant(encoded), bias],
      { transB: 1 },
    );
  }),
];
