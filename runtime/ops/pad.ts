/**
 * Pad: inputs x, pads, value, axes; all but x constants. A negative pad crops. What lies outside of x is the value,
 * or, by mode, x mirrored (reflect), its outermost values (edge), or x again (wrap).
 */
import type { Node } from "../model/graph.ts";
import { dtypes, stridesOf, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { constantInts, fail, given, input, normalAxis, optionalInput } from "./checks.ts";
import type { AttrSpec, InferInput, Operator } from "./operator.ts";

const attrs = { mode: { type: "string", default: "constant" } } as const satisfies Record<
  string,
  AttrSpec
>;

/** The index in x of `i`, which may lie outside of its `size` values; -1: the value that is padded with. */
export const modes: Readonly<Record<string, (i: number, size: number) => number>> = {
  constant: (i, size) => (i < size ? Math.max(i, -1) : -1),
  edge: (i, size) => Math.min(Math.max(i, 0), size - 1),
  reflect(i, size) {
    const turn = 2 * size - 2 || 1;
    const place = Math.abs(i) % turn;
    return Math.min(place, turn - place);
  },
  wrap: (i, size) => i - size * Math.floor(i / size),
};

export const Pad = {
  inputs: [2, 4],
  attrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const { begin, end } = padAmounts(node, inputs);
    return [{ dtype: x.dtype, shape: x.shape.map((dim, axis) => dim + begin[axis] + end[axis]) }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const known = inputs.map((value) => value && { dtype: value.dtype, shape: value.shape, value });
    const { begin, value, mode } = padAmounts(node, known);
    const strides = stridesOf(x.shape);
    const y = zeros(output.shape, output.dtype);
    let at = 0;
    const visit = (axis: number, from: number): void => {
      if (axis === x.shape.length) {
        y.data[at++] = from < 0 ? value : x.data[from];
        return;
      }
      for (let i = 0; i < output.shape[axis]; i++) {
        const place = from < 0 ? -1 : modes[mode](i - begin[axis], x.shape[axis]);
        visit(axis + 1, place < 0 ? -1 : from + place * strides[axis]);
      }
    };
    visit(0, 0);
    return [y];
  },
} satisfies Operator;

export interface PadAmounts {
  readonly mode: string;
  readonly begin: readonly number[]; // [rank of x]
  readonly end: readonly number[]; // [rank of x]
  readonly value: number; // NaN where the mode is another than constant
}

/** What a Pad adds before and behind each dimension of x. */
export function padAmounts(node: Node, inputs: readonly (InferInput | undefined)[]): PadAmounts {
  const { mode } = readAttrs(node, attrs);
  if (!Object.hasOwn(modes, mode))
    fail(node, `mode "${mode}" is not known; expected ${Object.keys(modes).join(", ")}`);
  const { dtype, shape } = inputs[0] as InferInput;
  const rank = shape.length;
  const pads = constantInts(node, inputs, 1, "pads");
  const fill = optionalInput(node, inputs, 2, "the value", [dtype]);
  if (fill && fill.value?.data.length !== 1) fail(node, "the value is not a constant scalar");
  const value = mode === "constant" ? (fill?.value?.data[0] ?? 0) : Number.NaN;
  const axes = constantInts(node, inputs, 3, "axes") ?? Array.from({ length: rank }, (_, axis) => axis);
  if (!pads) fail(node, "pads (input 1) is missing");
  if (pads.length !== 2 * axes.length) {
    fail(
      node,
      `pads [${pads}] has ${pads.length} values; expected ${2 * axes.length}, two for each axis`,
    );
  }
  const begin = new Array<number>(rank).fill(0);
  const end = new Array<number>(rank).fill(0);
  axes.forEach((axis, i) => {
    const at = normalAxis(node, axis, rank);
    begin[at] = pads[i];
    end[at] = pads[i + axes.length];
  });
  return { mode, begin, end, value };
}
