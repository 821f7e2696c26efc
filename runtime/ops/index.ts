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
import {
  Add,
  And,
  Div,
  Equal,
  Greater,
  GreaterOrEqual,
  Less,
  LessOrEqual,
  Max,
  Min,
  Mod,
  Mul,
  Or,
  Pow,
  PRelu,
  Sub,
  Xor,
} from "./binary.ts";
import { Cast } from "./cast.ts";
import { Concat } from "./concat.ts";
import { Conv } from "./conv.ts";
import { Expand, Tile } from "./expand.ts";
import { Gather, GatherElements, GatherND, ScatterElements, ScatterND } from "./gather.ts";
import { Gemm } from "./gemm.ts";
import { ConstantOfShape, Range, Shape } from "./generate.ts";
import { GlobalAveragePool, GlobalMaxPool } from "./global-pool.ts";
import { LayerNormalization } from "./layer-normalization.ts";
import { MatMul } from "./matmul.ts";
import type { Operator } from "./operator.ts";
import { CumSum, TopK } from "./order.ts";
import { Pad } from "./pad.ts";
import { AveragePool, MaxPool } from "./pool.ts";
import { ArgMax, ArgMin, ReduceMax, ReduceMean, ReduceMin, ReduceProd, ReduceSum } from "./reduce.ts";
import { Flatten, Identity, Reshape, Squeeze, Unsqueeze } from "./reshape.ts";
import { Resize } from "./resize.ts";
import { Slice } from "./slice.ts";
import { Softmax } from "./softmax.ts";
import { Split } from "./split.ts";
import { Transpose } from "./transpose.ts";
import {
  Abs,
  Acos,
  Asin,
  Atan,
  Ceil,
  Cos,
  Erf,
  Exp,
  Floor,
  Log,
  Mish,
  Neg,
  Not,
  Reciprocal,
  Round,
  Sign,
  Sin,
  Softplus,
  Sqrt,
  Tan,
  Tanh,
} from "./unary.ts";
import { Where } from "./where.ts";

export const operators = {
  Abs,
  Acos,
  Add,
  And,
  ArgMax,
  ArgMin,
  Asin,
  Atan,
  AveragePool,
  BatchNormalization,
  Cast,
  Ceil,
  Clip,
  Concat,
  ConstantOfShape,
  Conv,
  Cos,
  CumSum,
  Div,
  Elu,
  Equal,
  Erf,
  Exp,
  Expand,
  Flatten,
  Floor,
  Gather,
  GatherElements,
  GatherND,
  Gelu,
  Gemm,
  GlobalAveragePool,
  GlobalMaxPool,
  Greater,
  GreaterOrEqual,
  HardSigmoid,
  HardSwish,
  Identity,
  LayerNormalization,
  LeakyRelu,
  Less,
  LessOrEqual,
  Log,
  MatMul,
  Max,
  MaxPool,
  Min,
  Mish,
  Mod,
  Mul,
  Neg,
  Not,
  Or,
  PRelu,
  Pad,
  Pow,
  Range,
  Reciprocal,
  ReduceMax,
  ReduceMean,
  ReduceMin,
  ReduceProd,
  ReduceSum,
  Relu,
  Reshape,
  Resize,
  Round,
  ScatterElements,
  ScatterND,
  Shape,
  Sigmoid,
  Sign,
  Sin,
  Slice,
  Softmax,
  Softplus,
  Split,
  Sqrt,
  Squeeze,
  Sub,
  Swish,
  Tan,
  Tanh,
  Tile,
  TopK,
  Transpose,
  Unsqueeze,
  Where,
  Xor,
} satisfies Record<string, Operator>;

export type OpName = keyof typeof operators;

/** The operator called `op`, if it is known. */
export function operatorOf(op: string): Operator | undefined {
  return Object.hasOwn(operators, op) ? (operators as Record<string, Operator>)[op] : undefined;
}
