/** Where: x where the condition is true, else y; all three broadcast. */
import { dtypes, zeros } from "../model/tensor.ts";
import { broadcastOffsets, broadcastShape } from "./broadcast.ts";
import { given, input } from "./checks.ts";
import type { Operator } from "./operator.ts";

export const Where = {
  inputs: [3, 3],
  attrs: {},

  infer(node, inputs) {
    const condition = input(node, inputs, 0, "the condition", ["bool"]);
    const x = input(node, inputs, 1, "x", dtypes);
    const y = input(node, inputs, 2, "y", [x.dtype]);
    const shape = broadcastShape(node, broadcastShape(node, condition.shape, x.shape), y.shape);
    return [{ dtype: x.dtype, shape }];
  },

  reference(_node, inputs, [output]) {
    const [condition, x, y] = inputs.map((_, i) => given(inputs, i));
    const [at, xAt, yAt] = [condition, x, y].map(({ shape }) => broadcastOffsets(shape, output.shape));
    const result = zeros(output.shape, output.dtype);
    for (let i = 0; i < result.data.length; i++)
      result.data[i] = condition.data[at[i]] ? x.data[xAt[i]] : y.data[yAt[i]];
    return [result];
  },
} satisfies Operator;
