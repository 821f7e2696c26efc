/** Softmax along one axis: y = exp(x - max) / sum of exp(x - max). (Before opset 13 ONNX meant another thing: see the importer.) */
import { zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { given, input, normalAxis } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

const attrs = { axis: { type: "int", default: -1 } } as const satisfies Record<string, AttrSpec>;

export const Softmax = {
  inputs: [1, 1],
  attrs,

  infer(node, inputs) {
    const { shape } = input(node, inputs, 0, "the input");
    normalAxis(node, readAttrs(node, attrs).axis, shape.length);
    return [{ dtype: "float32", shape }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const axis = normalAxis(node, readAttrs(node, attrs).axis, x.shape.length);
    const size = x.shape[axis];
    const stride = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const y = zeros(output.shape);
    for (let line = 0; line < x.data.length / size; line++) {
      const start = Math.floor(line / stride) * size * stride + (line % stride);
      let most = -Infinity;
      for (let i = 0; i < size; i++) most = Math.max(most, x.data[start + i * stride]);
      let sum = 0;
      for (let i = 0; i < size; i++) sum += Math.exp(x.data[start + i * stride] - most);
      for (let i = 0; i < size; i++) {
        y.data[start + i * stride] = Math.exp(x.data[start + i * stride] - most) / sum;
      }
    }
    return [y];
  },
} satisfies Operator;
