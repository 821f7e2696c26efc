/** The gradient rules, by operator. An operator without one cannot be trained. */
import {
  Abs,
  Elu,
  Erf,
  Exp,
  Gelu,
  HardSigmoid,
  HardSwish,
  LeakyRelu,
  Log,
  Mish,
  Neg,
  PRelu,
  Reciprocal,
  Softplus,
  Sqrt,
  Swish,
  Tanh,
} from "./activation.ts";
import { BatchNormalization } from "./batch-normalization.ts";
import { Conv } from "./conv.ts";
import { Add, Clip, Div, Max, Min, Mul, Pow, Relu, Sigmoid, Sub, Where } from "./elementwise.ts";
import { Gather, Resize } from "./linear.ts";
import { Gemm, MatMul } from "./matmul.ts";
import { LayerNormalization, Softmax } from "./normalization.ts";
import { AveragePool, GlobalAveragePool, MaxPool } from "./pool.ts";
import { Expand, GlobalMaxPool, ReduceMax, ReduceMean, ReduceMin, ReduceSum } from "./reduce.ts";
import type { GradientRule } from "./rule.ts";
import { Concat, Identity, Pad, Slice, Split, sameValues, Transpose } from "./shape.ts";

export const gradients = {
  Abs,
  Add,
  AveragePool,
  BatchNormalization,
  Clip,
  Concat,
  Conv,
  Div,
  Elu,
  Erf,
  Exp,
  Expand,
  Flatten: sameValues,
  Gather,
  Gelu,
  Gemm,
  GlobalAveragePool,
  GlobalMaxPool,
  HardSigmoid,
  HardSwish,
  Identity,
  LayerNormalization,
  LeakyRelu,
  Log,
  MatMul,
  Max,
  MaxPool,
  Min,
  Mish,
  Mul,
  Neg,
  PRelu,
  Pad,
  Pow,
  Reciprocal,
  ReduceMax,
  ReduceMean,
  ReduceMin,
  ReduceSum,
  Relu,
  Reshape: sameValues,
  Resize,
  Sigmoid,
  Slice,
  Softmax,
  Softplus,
  Split,
  Sqrt,
  Squeeze: sameValues,
  Sub,
  Swish,
  Tanh,
  Transpose,
  Unsqueeze: sameValues,
  Where,
} satisfies Record<string, GradientRule>;

export function gradientOf(op: string): GradientRule | undefined {
  return Object.hasOwn(gradients, op) ? (gradients as Record<string, GradientRule>)[op] : undefined;
}
