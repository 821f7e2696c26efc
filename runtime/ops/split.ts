/** Split: x cut along `axis` into as many parts as there are outputs, of equal sizes or those of input split, a constant. */
import type { Node } from "../model/graph.ts";
import { dtypes, type Shape, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { constantInts, fail, given, input, normalAxis } from "./checks.ts";
import type { AttrSpec, InferInput, Operator } from "./operator.ts";

const attrs = {
  axis: { type: "int", default: 0 },
  num_outputs: { type: "int" }, // since opset 18
} as const satisfies Record<string, AttrSpec>;

export const Split = {
  inputs: [1, 2],
  attrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const { axis, sizes } = splitting(node, inputs);
    return sizes.map((size) => ({
      dtype: x.dtype,
      shape: x.shape.map((dim, i) => (i === axis ? size : dim)),
    }));
  },

  reference(node, inputs, outputs) {
    const x = given(inputs, 0);
    const axis = normalAxis(node, readAttrs(node, attrs).axis, x.shape.length);
    const inner = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const outer = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
    let before = 0;
    return outputs.map(({ dtype, shape }) => {
      const y = zeros(shape, dtype);
      const run = shape[axis] * inner; // values that lie together
      for (let o = 0; o < outer; o++) {
        const from = o * x.shape[axis] * inner + before;
        y.data.set(x.data.subarray(from, from + run), o * run);
      }
      before += run;
      return y;
    });
  },
} satisfies Operator;

export interface Splitting {
  readonly axis: number;
  readonly sizes: readonly number[]; // of each output along the axis
}

/** How a Split cuts its input. */
export function splitting(node: Node, inputs: readonly (InferInput | undefined)[]): Splitting {
  const { shape } = inputs[0] as { shape: Shape };
  const given = readAttrs(node, attrs);
  const axis = normalAxis(node, given.axis, shape.length);
  const count = node.outputs.length;
  if ((given.num_outputs ?? count) !== count)
    fail(node, `num_outputs is ${given.num_outputs}, but there are ${count} outputs`);
  const asked = constantInts(node, inputs, 1, "split");
  if (!asked) {
    // Where they do not divide evenly, the last part is smaller.
    const each = Math.ceil(shape[axis] / count);
    const sizes = Array.from({ length: count }, (_, i) => Math.min(each, shape[axis] - i * each));
    if (sizes[count - 1] < 0 || (given.num_outputs === undefined && shape[axis] % count))
      fail(node, `${shape[axis]} values do not divide into ${count} parts`);
    return { axis, sizes };
  }
  const sum = asked.reduce((a, b) => a + b, 0);
  if (asked.length !== count || asked.some((size) => size < 0) || sum !== shape[axis])
    fail(node, `split [${asked}] does not cut ${shape[axis]} values into ${count} parts`);
  return { axis, sizes: asked };
}
