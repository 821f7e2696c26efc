/**
 * The operators that Filigree knows, with the meaning ONNX gives them in opset 17, or in the first that has
 * them (older and newer forms are rewritten at import). Constants are no operator here: they are in `Graph.constants`.
 */
import {
  Clip,
  Elu,
  Gelu,
  HardSigmoid,
  HardSwish,
  LeakyRelu,
  Relu,
  Sigmoid,
  Swish,
} from "./activation.ts";
import { BatchNormalization } from "./batch-normalization.ts";
import { Add, Div, Mul, Pow, Sub } from "./binary.ts";
import { Concat } from "./concat.ts";
import { Conv } from "./conv.ts";
import { Expand } from "./expand.ts";
import { Gather } from "./gather.ts";
import { Gemm } from "./gemm.ts";
import { GlobalAveragePool, GlobalMaxPool } from "./global-pool.ts";
import { LayerNormalization } from "./layer-normalization.ts";
import { MatMul } from "./matmul.ts";
import type { Operator } from "./operator.ts";
import { Pad } from "./pad.ts";
import { AveragePool, MaxPool } from "./pool.ts";
import { ReduceMean } from "./reduce.ts";
import { Flatten, Identity, Reshape, Squeeze, Unsqueeze } from "./reshape.ts";
import { Resize } from "./resize.ts";
import { Slice } from "./slice.ts";
import { Softmax } from "./softmax.ts";
import { Split } from "./split.ts";
import { Transpose } from "./transpose.ts";
import { Abs, Erf, Exp, Log, Neg, Reciprocal, Sqrt, Tanh } from "./unary.ts";

export const operators = {
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
  Flatten,
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
  MaxPool,
  Mul,
  Neg,
  Pad,
  Pow,
  Reciprocal,
  ReduceMean,
  Relu,
  Reshape,
  Resize,
  Sigmoid,
  Slice,
  Softmax,
  Split,
  Sqrt,
  Squeeze,
  Sub,
  Swish,
  Tanh,
  Transpose,
  Unsqueeze,
} satisfies Record<string, Operator>;

export type OpName = keyof typeof operators;

/** The operator called `op`, if it is known. */
export function operatorOf(op: string): Operator | undefined {
  return Object.hasOwn(operators, op) ? (operators as Record<string, Operator>)[op] : undefined;
}
