/** GlobalAveragePool and GlobalMaxPool: x [N, C, ...spatial] -> [N, C, 1, …], over all spatial values. */
import { type Shape, zeros } from "../model/tensor.ts";
import { fail, given, input } from "./checks.ts";
import type { Operator } from "./operator.ts";

export const GlobalAveragePool = globalPool((values) => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
});

export const GlobalMaxPool = globalPool((values) => {
  let most = -Infinity;
  for (const value of values) most = Math.max(value, most);
  return most;
});

function globalPool(pool: (values: Float32Array) => number) {
  return {
    inputs: [1, 1],
    attrs: {},

    infer(node, inputs) {
      const { shape } = input(node, inputs, 0, "the input");
      if (shape.length < 3 || areaOf(shape) === 0) {
        fail(node, `the input has shape [${shape}]; expected [N, C, ...spatial], none of them 0`);
      }
      return [{ dtype: "float32", shape: shape.map((dim, axis) => (axis < 2 ? dim : 1)) }];
    },

    reference(_node, inputs, [output]) {
      const x = given(inputs, 0);
      const area = areaOf(x.shape);
      const y = zeros(output.shape);
      const values = x.data as Float32Array;
      for (let i = 0; i < y.data.length; i++)
        y.data[i] = pool(values.subarray(i * area, (i + 1) * area));
      return [y];
    },
  } satisfies Operator;
}

function areaOf(shape: Shape): number {
  return shape.slice(2).reduce((a, b) => a * b, 1);
}
