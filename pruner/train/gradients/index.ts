/** The gradient rules, by operator. An operator without one cannot be trained. */
import { BatchNormalization } from "./batch-normalization.ts";
import { Conv } from "./conv.ts";
import { Add, Clip, Mul, Relu, Sigmoid, Sub } from "./elementwise.ts";
import { Gemm, MatMul } from "./matmul.ts";
import { AveragePool, GlobalAveragePool, MaxPool } from "./pool.ts";
import type { GradientRule } from "./rule.ts";
import { Concat, Identity, Pad, Slice, sameValues, Transpose } from "./shape.ts";

export const gradients = {
  Add,
  AveragePool,
  BatchNormalization,
  Clip,
  Concat,
  Conv,
  Flatten: sameValues,
  Gemm,
  GlobalAveragePool,
  Identity,
  MatMul,
  MaxPool,
  Mul,
  Pad,
  Relu,
  Reshape: sameValues,
  Sigmoid,
  Slice,
  Squeeze: sameValues,
  Sub,
  Transpose,
  Unsqueeze: sameValues,
} satisfies Record<string, GradientRule>;

export function gradientOf(op: string): GradientRule | undefined {
  return Object.hasOwn(gradients, op) ? (gradients as Record<string, GradientRule>)[op] : undefined;
}
