/** Cases of Add, Sub, Mul, Div, Pow: broadcasting either way, a constant on either side, int32. */
import { tensor } from "../../../runtime/model/tensor.ts";
import { randomTensor } from "../../random.ts";
import { type Case, constant, single } from "./case.ts";

const shapes: [a: number[], b: number[]][] = [
  [
    [1, 7, 5, 3],
    [1, 7, 5, 3],
  ],
  [
    [2, 16, 4, 4],
    [2, 16, 4, 4],
  ],
  [
    [1, 9, 4, 6],
    [1, 9, 1, 1],
  ],
  [
    [1, 9, 4, 6],
    [9, 1, 1],
  ],
  [
    [2, 5, 3, 4],
    [3, 4],
  ],
  [[2, 5, 3, 4], [4]],
  [
    [1, 1, 1, 4],
    [2, 5, 3, 1],
  ],
  [
    [3, 1],
    [1, 6],
  ],
  [[10], []],
  [[], [2, 3]],
  [[4, 17], [17]],
  [
    [2, 3, 9],
    [1, 3, 1],
  ],
];

function binary(op: string): Case[] {
  return [
    ...shapes.map(([a, b], seed) =>
      // Away from 0, for the divisor's sake.
      single(op, `[${a}] and [${b}]`, [randomTensor(a, seed + 1), randomTensor(b, seed + 31, 0.5, 2)]),
    ),
    single(op, "a channel constant", [
      randomTensor([1, 6, 3, 5], 61),
      constant(randomTensor([1, 6, 1, 1], 62, 0.5, 2)),
    ]),
    single(op, "a scalar constant first", [
      constant(randomTensor([], 63)),
      randomTensor([2, 5], 64, 0.5, 2),
    ]),
    single(op, "int32", [
      tensor([2, 3], Int32Array.of(7, -7, 0, 100000, 5, -1), "int32"),
      tensor([3], Int32Array.of(2, -3, 4), "int32"),
    ]),
  ];
}

export const add = binary("Add");
export const sub = binary("Sub");
export const mul = binary("Mul");
export const div = binary("Div");

export const pow: Case[] = [
  ...[2, 3, 5, 0.5, -1, -0.5, 0, 1.7].map((exponent, seed) =>
    single("Pow", `to ${exponent}`, [
      randomTensor([1, 6, 3, 5], seed + 70, 0.1, 3),
      constant(tensor(seed % 2 ? [] : [1], Float32Array.of(exponent))),
    ]),
  ),
  ...[2, 3].map((exponent) =>
    single("Pow", `of what may be negative, to ${exponent}`, [
      randomTensor([2, 9], 81, -3, 3),
      constant(tensor([], Float32Array.of(exponent))),
    ]),
  ),
  single("Pow", "both given while running", [
    randomTensor([2, 3, 4], 82, 0.1, 3),
    randomTensor([3, 1], 83, -2, 2),
  ]),
  single("Pow", "an int32 exponent", [
    randomTensor([5], 84, -2, 2),
    constant(tensor([], Int32Array.of(3), "int32")),
  ]),
];
