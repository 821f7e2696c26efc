/** Cases of MaxPool and AveragePool: strides, pads, ceil_mode, dilations, auto_pad, one and two dimensions. */
import type { Attr } from "../../../runtime/model/graph.ts";
import { randomTensor } from "../../random.ts";
import { type Case, single } from "./case.ts";

type Row = [name: string, x: number[], attrs: Record<string, Attr>];

const rows: Row[] = [
  ["2x2 stride 2", [1, 8, 6, 8], { kernel_shape: [2, 2], strides: [2, 2] }],
  ["2x2 stride 2, odd size", [1, 5, 7, 9], { kernel_shape: [2, 2], strides: [2, 2] }],
  ["3x3 stride 2, padded", [2, 17, 9, 8], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  ["3x3 stride 1, padded", [1, 3, 5, 4], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }],
  ["pads all different", [1, 4, 7, 7], { kernel_shape: [4, 5], strides: [2, 1], pads: [0, 1, 2, 3] }],
  ["ceil_mode", [1, 4, 8, 7], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }],
  [
    "ceil_mode, last window in the padding",
    [1, 3, 4, 4],
    { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 },
  ],
  [
    "ceil_mode, padded",
    [1, 6, 9, 6],
    { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 },
  ],
  ["SAME_UPPER", [1, 3, 7, 6], { kernel_shape: [3, 2], strides: [2, 2], auto_pad: "SAME_UPPER" }],
  ["SAME_LOWER", [1, 3, 7, 6], { kernel_shape: [3, 2], strides: [2, 2], auto_pad: "SAME_LOWER" }],
  ["VALID", [1, 3, 7, 6], { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "VALID" }],
  ["one dimension", [2, 5, 13], { kernel_shape: [3], strides: [2], pads: [1, 1] }],
  ["the whole image", [1, 9, 5, 5], { kernel_shape: [5, 5] }],
  ["one pixel", [1, 1, 1, 1], { kernel_shape: [1, 1] }],
];

// From -3, so that a 0 of the padding would show as a maximum.
const input = (x: number[], seed: number) => randomTensor(x, seed + 1, -3, -1);

export const maxPool: Case[] = [
  ...rows.map(([name, x, attrs], seed) => single("MaxPool", name, [input(x, seed)], attrs)),
  single("MaxPool", "dilated", [input([1, 4, 9, 8], 40)], {
    kernel_shape: [3, 2],
    dilations: [2, 3],
    pads: [1, 1, 1, 1],
  }),
];

export const averagePool: Case[] = [
  ...rows.flatMap(([name, x, attrs], seed) => [
    single("AveragePool", name, [input(x, seed)], attrs),
    single("AveragePool", `${name}, count_include_pad`, [input(x, seed)], {
      ...attrs,
      count_include_pad: 1,
    }),
  ]),
  single(
    "AveragePool",
    "dilated",
    [input([1, 4, 9, 8], 40)],
    { kernel_shape: [3, 2], dilations: [2, 3], pads: [1, 1, 1, 1] },
    19,
  ),
];
