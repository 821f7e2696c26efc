/**
 * LayerNormalization: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, where mean and variance are those
 * of the dimensions from `axis` on, which scale and bias have too.
 */
import type { Node } from "../model/graph.ts";
import { type Shape, sizeOf, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { broadcastOffsets, fitsBroadcast } from "./broadcast.ts";
import { fail, given, input, normalAxis, optionalInput } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

const attrs = {
  axis: { type: "int", default: -1 },
  epsilon: { type: "float", default: 1e-5 },
  stash_type: { type: "int", default: 1 }, // 1: mean and variance are float32
} as const satisfies Record<string, AttrSpec>;

export const LayerNormalization = {
  inputs: [2, 3],
  attrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input");
    const scale = input(node, inputs, 1, "the scale");
    const bias = optionalInput(node, inputs, 2, "the bias");
    const { stash_type: stash } = readAttrs(node, attrs);
    if (stash !== 1) fail(node, `stash_type is ${stash}; expected 1 (float32)`);
    const { shape } = normalization(node, x.shape);
    if (sizeOf(shape) === 0) fail(node, `[${x.shape}] has no values to take the mean of`);
    for (const [what, value] of [
      ["scale", scale],
      ["bias", bias],
    ] as const) {
      if (value && !fitsBroadcast(value.shape, shape))
        fail(node, `the ${what} is [${value.shape}]; expected [${shape}]`);
    }
    return [{ dtype: "float32", shape: x.shape }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const scale = given(inputs, 1);
    const bias = inputs[2];
    const { shape, epsilon } = normalization(node, x.shape);
    const count = sizeOf(shape);
    const scaleOffsets = broadcastOffsets(scale.shape, shape);
    const biasOffsets = bias && broadcastOffsets(bias.shape, shape);
    const y = zeros(output.shape);
    for (let at = 0; at < y.data.length; at += count) {
      let mean = 0;
      for (let i = 0; i < count; i++) mean += x.data[at + i] / count;
      let variance = 0;
      for (let i = 0; i < count; i++) variance += (x.data[at + i] - mean) ** 2 / count;
      const factor = 1 / Math.sqrt(variance + epsilon);
      for (let i = 0; i < count; i++) {
        const shift = bias && biasOffsets ? bias.data[biasOffsets[i]] : 0;
        y.data[at + i] = (x.data[at + i] - mean) * factor * scale.data[scaleOffsets[i]] + shift;
      }
    }
    return [y];
  },
} satisfies Operator;

/** The dimensions that are normalised together, and epsilon: for `infer`, and for the backends. */
export function normalization(node: Node, shape: Shape): { shape: Shape; epsilon: number } {
  const { axis, epsilon } = readAttrs(node, attrs);
  return { shape: shape.slice(normalAxis(node, axis, shape.length)), epsilon };
}
