/** Concat: the inputs one after the other along `axis`; all other sizes agree. */
import { dtypes, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { fail, given, input, normalAxis } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

const attrs = { axis: { type: "int", required: true } } as const satisfies Record<string, AttrSpec>;

export const Concat = {
  inputs: [1, Infinity],
  attrs,

  infer(node, inputs) {
    const first = input(node, inputs, 0, "an input", dtypes);
    const axis = normalAxis(node, readAttrs(node, attrs).axis, first.shape.length);
    const shape = [...first.shape];
    for (let i = 1; i < inputs.length; i++) {
      const next = input(node, inputs, i, "an input", [first.dtype]);
      if (
        next.shape.length !== shape.length ||
        next.shape.some((dim, at) => at !== axis && dim !== shape[at])
      ) {
        fail(node, `[${first.shape}] and [${next.shape}] differ beside axis ${axis}`);
      }
      shape[axis] += next.shape[axis];
    }
    return [{ dtype: first.dtype, shape }];
  },

  reference(node, inputs, [output]) {
    const axis = normalAxis(node, readAttrs(node, attrs).axis, output.shape.length);
    const inner = output.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const outer = output.shape.slice(0, axis).reduce((a, b) => a * b, 1);
    const y = zeros(output.shape, output.dtype);
    for (let o = 0, at = 0; o < outer; o++) {
      for (let i = 0; i < inputs.length; i++) {
        const x = given(inputs, i);
        const run = x.shape[axis] * inner; // values of this input that lie together
        y.data.set(x.data.subarray(o * run, (o + 1) * run), at);
        at += run;
      }
    }
    return [y];
  },
} satisfies Operator;
