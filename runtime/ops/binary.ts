/**
 * Two values become one, element by element, both inputs broadcasting: arithmetic of one dtype, comparisons (which
 * make bool), logic, and PRelu, whose second input is a slope.
 */
import { type DType, dtypes, zeros } from "../model/tensor.ts";
import { broadcastOffsets, broadcastShape } from "./broadcast.ts";
import { fail, given, input } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

type Apply = (a: number, b: number) => number;

interface Kinds {
  readonly takes?: readonly DType[];
  readonly makes?: DType; // by default what A is
  readonly mayDiffer?: boolean; // B from A
}

const logic: Kinds = { takes: ["bool"] };
const comparison: Kinds = { takes: dtypes, makes: "bool" };

export const Add = binary((a, b) => a + b);
export const Sub = binary((a, b) => a - b);
export const Mul = binary((a, b) => a * b);
export const Div = binary((a, b) => a / b); // of int32: storing it truncates, and a zero divisor gives 0
export const Max = binary(Math.max);
export const Min = binary(Math.min);
export const PRelu = binary((x, slope) => (x < 0 ? slope * x : x));

/** a to the power b; the result is of the dtype of a. */
export const Pow = binary((a, b) => a ** b, { mayDiffer: true });

/** The remainder has the sign of b, or, with fmod, of a. */
export const Mod = {
  ...binary((a, b) => a % b),
  attrs: { fmod: { type: "int", default: 0 } },
  reference(node, inputs, outputs) {
    const apply: Apply = node.attrs.fmod ? (a, b) => a % b : (a, b) => a - b * Math.floor(a / b);
    return binary(apply).reference(node, inputs, outputs);
  },
} as const satisfies Operator;

export const Equal = binary((a, b) => +(a === b), comparison);
export const Less = binary((a, b) => +(a < b), comparison);
export const LessOrEqual = binary((a, b) => +(a <= b), comparison);
export const Greater = binary((a, b) => +(a > b), comparison);
export const GreaterOrEqual = binary((a, b) => +(a >= b), comparison);
export const And = binary((a, b) => a & b, logic);
export const Or = binary((a, b) => a | b, logic);
export const Xor = binary((a, b) => a ^ b, logic);

function binary(apply: Apply, { takes = ["float32", "int32", "uint8"], makes, mayDiffer }: Kinds = {}) {
  return {
    inputs: [2, 2],
    attrs: {} as Readonly<Record<string, AttrSpec>>,

    infer(node, inputs) {
      const a = input(node, inputs, 0, "A", takes);
      const b = input(node, inputs, 1, "B", takes);
      if (a.dtype !== b.dtype && !mayDiffer)
        fail(node, `A is ${a.dtype} and B is ${b.dtype}; expected the same`);
      return [{ dtype: makes ?? a.dtype, shape: broadcastShape(node, a.shape, b.shape) }];
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
