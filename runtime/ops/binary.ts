/** Add, Sub, Mul, Div, Pow: element by element, both inputs broadcasting. */
import { zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { broadcastOffsets, broadcastShape } from "./broadcast.ts";
import { fail, given, input } from "./checks.ts";
import type { Operator } from "./operator.ts";

export const Add = binary((a, b) => a + b);
export const Sub = binary((a, b) => a - b);
export const Mul = binary((a, b) => a * b);
export const Div = binary((a, b) => a / b); // of int32: storing it truncates, and a zero divisor gives 0

/** a to the power b; the result is of the dtype of a. */
export const Pow = binary((a, b) => a ** b, true);

function binary(apply: (a: number, b: number) => number, mayDiffer = false) {
  return {
    inputs: [2, 2],
    attrs: {},

    infer(node, inputs) {
      readAttrs(node, {});
      const a = input(node, inputs, 0, "A", ["float32", "int32"]);
      const b = input(node, inputs, 1, "B", ["float32", "int32"]);
      if (a.dtype !== b.dtype && !mayDiffer)
        fail(node, `A is ${a.dtype} and B is ${b.dtype}; expected the same`);
      return [{ dtype: a.dtype, shape: broadcastShape(node, a.shape, b.shape) }];
    },

    reference(_node, inputs, [output]) {
      const a = given(inputs, 0);
      const b = given(inputs, 1);
      const aOffsets = broadcastOffsets(a.shape, output.shape);
      const bOffsets = broadcastOffsets(b.shape, output.shape);
      const y = zeros(output.shape, output.dtype);
      for (let i = 0; i < y.data.length; i++)
        y.data[i] = apply(a.data[aOffsets[i]], b.data[bOffsets[i]]);
      return [y];
    },
  } satisfies Operator;
}
