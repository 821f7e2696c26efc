/** Gemm: y = alpha A' B' + beta C, where A' [M, K] and B' [K, N] are A and B, transposed if asked; C broadcasts to [M, N]. */
import { zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { broadcastOffsets, fitsBroadcast } from "./broadcast.ts";
import { fail, given, input, optionalInput } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

const attrs = {
  alpha: { type: "float", default: 1 },
  beta: { type: "float", default: 1 },
  transA: { type: "int", default: 0 },
  transB: { type: "int", default: 0 },
} as const satisfies Record<string, AttrSpec>;

export const Gemm = {
  inputs: [2, 3],
  attrs,

  infer(node, inputs) {
    const a = input(node, inputs, 0, "A");
    const b = input(node, inputs, 1, "B");
    const c = optionalInput(node, inputs, 2, "C");
    const { transA, transB } = readAttrs(node, attrs);
    if (a.shape.length !== 2 || b.shape.length !== 2) {
      fail(node, `A is [${a.shape}] and B is [${b.shape}]; expected two matrices`);
    }
    const [M, K] = transA ? [a.shape[1], a.shape[0]] : a.shape;
    const [rows, N] = transB ? [b.shape[1], b.shape[0]] : b.shape;
    if (K !== rows) {
      fail(
        node,
        `A is [${a.shape}] (transA ${transA}) and B is [${b.shape}] (transB ${transB}): ${K} is not ${rows}`,
      );
    }
    if (c && !fitsBroadcast(c.shape, [M, N])) {
      fail(node, `C is [${c.shape}], which does not broadcast to [${M},${N}]`);
    }
    return [{ dtype: "float32", shape: [M, N] }];
  },

  reference(node, inputs, [output]) {
    const { alpha, beta, transA, transB } = readAttrs(node, attrs);
    const a = given(inputs, 0);
    const b = given(inputs, 1);
    const c = inputs[2];
    const [M, N] = output.shape;
    const K = a.shape[transA ? 0 : 1];
    const cOffsets = c && broadcastOffsets(c.shape, output.shape);
    const y = zeros(output.shape);
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++) {
          sum += a.data[transA ? k * M + m : m * K + k] * b.data[transB ? n * K + k : k * N + n];
        }
        const at = m * N + n;
        y.data[at] = alpha * sum + (c && cOffsets ? beta * c.data[cOffsets[at]] : 0);
      }
    }
    return [y];
  },
} satisfies Operator;
