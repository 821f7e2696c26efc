/** Cases of what joins two values: broadcasting either way, a constant on either side, int32, bool. */
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { randomTensor } from "../../random.ts";
import { randomBools, randomInts } from "./bools.ts";
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

export const max = binary("Max");
export const min = binary("Min");
export const equal = comparison("Equal");
export const less = comparison("Less");
export const lessOrEqual = comparison("LessOrEqual");
export const greater = comparison("Greater");
export const greaterOrEqual = comparison("GreaterOrEqual");
export const and = logic("And");
export const or = logic("Or");
export const xor = logic("Xor");

export const mod: Case[] = [
  ...shapes.map(([a, b], seed) =>
    single(
      "Mod",
      `fmod, [${a}] and [${b}]`,
      [randomTensor(a, seed, -9, 9), randomTensor(b, seed, 1, 4)],
      {
        fmod: 1,
      },
    ),
  ),
  single("Mod", "int32, the sign of the divisor", [
    randomInts([2, 9], 1, -20, 20),
    constant(tensor([9], Int32Array.of(3, -3, 7, -7, 1, 2, -2, 5, -5), "int32")),
  ]),
];

export const prelu: Case[] = [
  single("PRelu", "a slope for each channel", [
    randomTensor([2, 9, 4, 3], 1, -2, 2),
    constant(randomTensor([9, 1, 1], 2)),
  ]),
  single("PRelu", "one slope", [
    randomTensor([3, 5], 3, -2, 2),
    constant(tensor([1], Float32Array.of(0.3))),
  ]),
  single("PRelu", "slopes given while running", [
    randomTensor([2, 7], 4, -2, 2),
    randomTensor([2, 7], 5),
  ]),
];

/** Small whole numbers, so that some are equal. */
function comparison(op: string): Case[] {
  return shapes.map(([a, b], seed) => {
    const [x, y] = [randomInts(a, seed + 1, -2, 3), randomInts(b, seed + 31, -2, 3)];
    const asFloats = seed % 2 === 0;
    return single(op, `[${a}] and [${b}]`, asFloats ? [floats(x), floats(y)] : [x, y]);
  });
}

function floats({ shape, data }: Tensor): Tensor {
  return tensor(shape, Float32Array.from(data));
}

function logic(op: string): Case[] {
  return shapes.map(([a, b], seed) =>
    single(op, `[${a}] and [${b}]`, [randomBools(a, seed + 1), randomBools(b, seed + 31)]),
  );
}
