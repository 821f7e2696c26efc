/** The gradient rules, by operator. An operator without one cannot be trained. */
import { Erf, Exp, Gelu, HardSigmoid, HardSwish, LeakyRelu, Neg, Swish, Tanh } from "./activation.ts";
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
  Erf,
  Exp,
  Flatten: sameValues,
  Gelu,
  Gemm,
  GlobalAveragePool,
  HardSigmoid,
  HardSwish,
  Identity,
  LeakyRelu,
  MatMul,
  MaxPool,
  Mul,
  Neg,
  Pad,
  Relu,
  Reshape: sameValues,
  Sigmoid,
  Slice,
  Squeeze: sameValues,
  Sub,
  Swish,
  Tanh,
  Transpose,
  Unsqueeze: sameValues,
} satisfies Record<string, GradientRule>;

export function gradientOf(op: string): GradientRule | undefined {
  return Object.hasOwn(gradients, op) ? (gradients as Record<string, GradientRule>)[op] : undefined;
}
