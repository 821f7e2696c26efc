/** Cases of Conv: strides, pads, dilations, groups, auto_pad, one and two dimensions, sparse weights. */

import type { Attr } from "../../../runtime/model/graph.ts";
import type { SparsityPattern } from "../../../runtime/model/pattern.ts";
import { encodeWeight } from "../../../runtime/model/sparse/index.ts";
import { randomMask } from "../../formats/examples.ts";
import { randomTensor } from "../../random.ts";
import { type Case, constant, single } from "./case.ts";

type Row = [name: string, x: number[], w: number[], attrs: Record<string, Attr>];

const rows: Row[] = [
  ["1x1", [1, 8, 7, 5], [16, 8, 1, 1], {}],
  ["1x1 stride 2", [1, 9, 8, 7], [5, 9, 1, 1], { strides: [2, 2] }],
  ["1x1, one pixel", [1, 17, 1, 1], [33, 17, 1, 1], {}],
  ["3x3 same", [1, 16, 9, 11], [24, 16, 3, 3], { pads: [1, 1, 1, 1] }],
  ["3x3 of 3 channels", [1, 3, 10, 10], [16, 3, 3, 3], { pads: [1, 1, 1, 1] }],
  ["3x3 valid, 1 channel to 1", [1, 1, 5, 6], [1, 1, 3, 3], {}],
  ["3x3 stride 2", [1, 8, 9, 8], [7, 8, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }],
  ["strides 2 and 3", [1, 5, 11, 13], [6, 5, 3, 3], { strides: [2, 3], pads: [1, 0, 1, 2] }],
  ["pads all different", [1, 4, 6, 7], [9, 4, 3, 3], { pads: [0, 1, 2, 3] }],
  ["pads larger than the input", [1, 2, 2, 2], [3, 2, 3, 3], { pads: [3, 3, 3, 3] }],
  ["dilation 2", [1, 6, 9, 9], [8, 6, 3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] }],
  ["dilations 3 and 1", [1, 3, 12, 6], [4, 3, 3, 3], { dilations: [3, 1], pads: [1, 1, 1, 1] }],
  ["kernel 5x3", [1, 7, 8, 9], [10, 7, 5, 3], { pads: [2, 1, 2, 1] }],
  ["kernel 1x7", [1, 4, 5, 12], [8, 4, 1, 7], { pads: [0, 3, 0, 3] }],
  ["kernel 2x2", [1, 5, 6, 6], [8, 5, 2, 2], { strides: [2, 2] }],
  ["7x7 stride 2 stem", [1, 3, 21, 19], [8, 3, 7, 7], { pads: [3, 3, 3, 3], strides: [2, 2] }],
  ["batch 3", [3, 6, 5, 5], [10, 6, 3, 3], { pads: [1, 1, 1, 1] }],
  ["2 groups", [1, 8, 6, 6], [12, 4, 3, 3], { group: 2, pads: [1, 1, 1, 1] }],
  ["3 groups of odd channels", [2, 9, 5, 5], [15, 3, 3, 3], { group: 3 }],
  ["depthwise 3x3", [1, 19, 8, 7], [19, 1, 3, 3], { group: 19, pads: [1, 1, 1, 1] }],
  [
    "depthwise 5x5 stride 2",
    [1, 8, 11, 11],
    [8, 1, 5, 5],
    { group: 8, pads: [2, 2, 2, 2], strides: [2, 2] },
  ],
  ["depthwise, two results each", [1, 6, 6, 6], [12, 1, 3, 3], { group: 6, pads: [1, 1, 1, 1] }],
  ["depthwise dilated", [1, 5, 9, 9], [5, 1, 3, 3], { group: 5, dilations: [2, 2], pads: [2, 2, 2, 2] }],
  ["SAME_UPPER stride 2", [1, 3, 8, 7], [4, 3, 3, 3], { auto_pad: "SAME_UPPER", strides: [2, 2] }],
  ["SAME_LOWER even kernel", [1, 3, 7, 6], [4, 3, 4, 2], { auto_pad: "SAME_LOWER" }],
  ["VALID", [1, 3, 7, 6], [4, 3, 3, 3], { auto_pad: "VALID" }],
  ["one dimension", [2, 6, 15], [9, 6, 5], { pads: [2, 2], strides: [2] }],
  ["one dimension, dilated, groups", [1, 8, 17], [8, 4, 3], { group: 2, dilations: [3], pads: [3, 0] }],
  ["48 to 64 channels", [1, 48, 6, 6], [64, 48, 1, 1], {}],
  ["odd channels 13 to 29", [1, 13, 7, 7], [29, 13, 3, 3], { pads: [1, 1, 1, 1], kernel_shape: [3, 3] }],
];

const sparse: [pattern: SparsityPattern, density: number][] = [
  [{ kind: "block", rows: 16, cols: 8 }, 0.4],
  [{ kind: "block", rows: 8, cols: 4 }, 0.3],
  [{ kind: "block", rows: 4, cols: 1 }, 0.3],
  [{ kind: "n:m", n: 2, m: 4 }, 1],
  [{ kind: "unstructured" }, 0.2],
  [{ kind: "block", rows: 16, cols: 8 }, 0],
];

export const conv: Case[] = [
  ...rows.flatMap(([name, x, w, attrs], seed) => {
    const data = randomTensor(x, seed + 1);
    const weight = constant(randomTensor(w, seed + 101));
    const bias = constant(randomTensor([w[0]], seed + 201));
    // Every second one without a bias.
    return [single("Conv", name, seed % 2 ? [data, weight, bias] : [data, weight], attrs)];
  }),
  single("Conv", "weight and bias given while running", [
    randomTensor([1, 4, 5, 5], 31),
    randomTensor([6, 4, 3, 3], 32),
    randomTensor([6], 33),
  ]),
  ...sparse.map(([pattern, density], seed) => {
    const weight = randomTensor([37, 21, 3, 3], seed + 41);
    const encoded = encodeWeight(weight, randomMask(weight.shape, pattern, density, seed + 51));
    const name = `sparse ${JSON.stringify(pattern)} density ${density}`;
    const x = randomTensor([2, 21, 7, 6], seed + 61);
    const bias = constant(randomTensor([37], seed + 71));
    return single("Conv", name, [x, constant(encoded), bias], { pads: [1, 1, 1, 1] });
  }),
];
