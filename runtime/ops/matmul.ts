/** MatMul: y[..., M, N] = sum over k of A[..., M, K] B[..., K, N]; the leading dimensions broadcast, as numpy.matmul. */
import { type Shape, sizeOf, zeros } from "../model/tensor.ts";
import { broadcastOffsets, broadcastShape } from "./broadcast.ts";
import { fail, given, input } from "./checks.ts";
import type { Operator } from "./operator.ts";

export const MatMul = {
  inputs: [2, 2],
  attrs: {},

  infer(node, inputs) {
    const a = input(node, inputs, 0, "A").shape;
    const b = input(node, inputs, 1, "B").shape;
    if (a.length === 0 || b.length === 0)
      fail(node, `A is [${a}] and B is [${b}]; scalars are not multiplied`);
    const [left, right] = asMatrices(a, b);
    const [M, K] = left.slice(-2);
    const [rows, N] = right.slice(-2);
    if (K !== rows) fail(node, `A is [${a}] and B is [${b}]: A has ${K} columns, B has ${rows} rows`);
    const shape = broadcastShape(node, left.slice(0, -2), right.slice(0, -2));
    if (a.length > 1) shape.push(M);
    if (b.length > 1) shape.push(N);
    return [{ dtype: "float32", shape }];
  },

  reference(_node, inputs, [output]) {
    const a = given(inputs, 0);
    const b = given(inputs, 1);
    const [left, right] = asMatrices(a.shape, b.shape);
    const [M, K] = left.slice(-2);
    const N = right[right.length - 1];
    const batch = output.shape.slice(
      0,
      output.shape.length - +(a.shape.length > 1) - +(b.shape.length > 1),
    );
    const aOffsets = broadcastOffsets(left.slice(0, -2), batch); // counted in matrices
    const bOffsets = broadcastOffsets(right.slice(0, -2), batch);
    const y = zeros(output.shape);
    for (let i = 0; i < sizeOf(batch); i++) {
      const aAt = aOffsets[i] * M * K;
      const bAt = bOffsets[i] * K * N;
      for (let m = 0; m < M; m++) {
        for (let n = 0; n < N; n++) {
          let sum = 0;
          for (let k = 0; k < K; k++) sum += a.data[aAt + m * K + k] * b.data[bAt + k * N + n];
          y.data[(i * M + m) * N + n] = sum;
        }
      }
    }
    return [y];
  },
} satisfies Operator;

/** A vector A is one row, a vector B one column. */
function asMatrices(a: Shape, b: Shape): [left: Shape, right: Shape] {
  return [a.length === 1 ? [1, a[0]] : a, b.length === 1 ? [b[0], 1] : b];
}
