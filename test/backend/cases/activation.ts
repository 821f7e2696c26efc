/** Cases of the activations. */
import type { Attr } from "../../../runtime/model/graph.ts";
import { randomTensor } from "../../random.ts";
import { type Case, scalar, single } from "./case.ts";

const shapes = [[1], [7], [3, 17], [1, 5, 4, 3], [2, 16, 3, 3], [2, 3, 2, 2, 3], []];

/** All shapes with the first attributes, one with each of the others. */
function activation(
  op: string,
  [first, ...others]: readonly Record<string, Attr>[] = [{}],
  opset?: number,
): Case[] {
  const input = (shape: number[], seed: number) => randomTensor(shape, seed + 1, -8, 8);
  return [
    ...shapes.map((shape, seed) => single(op, `[${shape}]`, [input(shape, seed)], first, opset)),
    ...others.map((attrs) => single(op, JSON.stringify(attrs), [input([1, 6, 5, 7], 9)], attrs, opset)),
  ];
}

export const relu = activation("Relu");
export const sigmoid = activation("Sigmoid");
export const hardSwish = activation("HardSwish");
export const hardSigmoid = activation("HardSigmoid", [{}, { alpha: 1 / 6 }, { alpha: 0.5, beta: 0.1 }]);
export const leakyRelu = activation("LeakyRelu", [{}, { alpha: 0.1 }, { alpha: -0.5 }]);
export const elu = activation("Elu", [{}, { alpha: 1.75 }]);
export const gelu = activation("Gelu", [{}, { approximate: "tanh" }, { approximate: "none" }], 20);
export const swish = activation("Swish", [{}, { alpha: 1.702 }, { alpha: -1.25 }], 24);

export const clip: Case[] = [
  ...shapes.map((shape, seed) =>
    single("Clip", `0 to 6, [${shape}]`, [randomTensor(shape, seed + 1, -8, 8), scalar(0), scalar(6)]),
  ),
  single("Clip", "only a lower bound", [randomTensor([2, 9], 11), scalar(-0.25)]),
  single("Clip", "only an upper bound", [randomTensor([2, 9], 12), undefined, scalar(0.25)]),
  single("Clip", "bounds that cross", [randomTensor([2, 9], 15), scalar(0.5), scalar(-0.5)]),
  single("Clip", "no bound", [randomTensor([2, 9], 13)]),
  single("Clip", "-1.5 to 1.25", [randomTensor([1, 3, 5, 5], 14, -3, 3), scalar(-1.5), scalar(1.25)]),
];
