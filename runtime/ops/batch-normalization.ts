/**
 * BatchNormalization at inference: y = (x - mean) / sqrt(variance + epsilon) * scale + shift, for each channel.
 * x [N, C, ...spatial]; scale, shift, mean, variance [C].
 */
import { zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { fail, given, input } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

const attrs = {
  epsilon: { type: "float", default: 1e-5 },
  momentum: { type: "float", default: 0.9 }, // of training: without effect here
  training_mode: { type: "int", default: 0 },
} as const satisfies Record<string, AttrSpec>;

export const BatchNormalization = {
  inputs: [5, 5],
  attrs,

  infer(node, inputs) {
    const { shape } = input(node, inputs, 0, "the input");
    if (readAttrs(node, attrs).training_mode)
      fail(node, "training_mode is set; export the model for inference");
    if (node.outputs.length > 1)
      fail(node, "outputs beside the first are for training; export for inference");
    if (shape.length < 2) fail(node, `the input has shape [${shape}]; expected [N, C, ...spatial]`);
    for (const [i, what] of ["scale", "shift", "mean", "variance"].entries()) {
      const found = input(node, inputs, i + 1, what);
      if (found.shape.length !== 1 || found.shape[0] !== shape[1]) {
        fail(node, `${what} has shape [${found.shape}]; expected [${shape[1]}]`);
      }
    }
    return [{ dtype: "float32", shape }];
  },

  reference(node, inputs, [output]) {
    const { epsilon } = readAttrs(node, attrs);
    const [x, scale, shift, mean, variance] = inputs.map((_, i) => given(inputs, i).data);
    const channels = output.shape[1];
    const area = output.shape.slice(2).reduce((a, b) => a * b, 1);
    const y = zeros(output.shape);
    for (let i = 0; i < y.data.length; i++) {
      const c = Math.floor(i / area) % channels;
      y.data[i] = ((x[i] - mean[c]) / Math.sqrt(variance[c] + epsilon)) * scale[c] + shift[c];
    }
    return [y];
  },
} satisfies Operator;
