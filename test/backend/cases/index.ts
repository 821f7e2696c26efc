/** The cases of every operator: the compiler asks for them. Run by the oracle test and by each backend's test. */
import type { OpName } from "../../../runtime/ops/index.ts";
import {
  clip,
  elu,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  relu,
  sigmoid,
  swish,
} from "./activation.ts";
import { batchNormalization } from "./batch-normalization.ts";
import {
  add,
  and,
  div,
  equal,
  greater,
  greaterOrEqual,
  less,
  lessOrEqual,
  max,
  min,
  mod,
  mul,
  or,
  pow,
  prelu,
  sub,
  xor,
} from "./binary.ts";
import type { Case } from "./case.ts";
import { concat } from "./concat.ts";
import { conv } from "./conv.ts";
import { expand, tile } from "./expand.ts";
import { gather, gatherElements, gatherND, scatterElements, scatterND } from "./gather.ts";
import { gemm } from "./gemm.ts";
import { constantOfShape, range, shape } from "./generate.ts";
import { globalAveragePool, globalMaxPool } from "./global-pool.ts";
import { layerNormalization } from "./layer-normalization.ts";
import { matmul } from "./matmul.ts";
import { cumSum, topK } from "./order.ts";
import { pad } from "./pad.ts";
import { averagePool, maxPool } from "./pool.ts";
import { argMax, argMin, reduceMax, reduceMean, reduceMin, reduceProd, reduceSum } from "./reduce.ts";
import { flatten, identity, reshape, squeeze, unsqueeze } from "./reshape.ts";
import { resize } from "./resize.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { split } from "./split.ts";
import { transpose } from "./transpose.ts";
import {
  abs,
  acos,
  asin,
  atan,
  ceil,
  cos,
  erf,
  exp,
  floor,
  log,
  mish,
  neg,
  not,
  reciprocal,
  round,
  sign,
  sin,
  softplus,
  sqrt,
  tan,
  tanh,
} from "./unary.ts";
import { cast, where } from "./where.ts";

export const cases: Record<OpName, readonly Case[]> = {
  Abs: abs,
  Acos: acos,
  Add: add,
  And: and,
  ArgMax: argMax,
  ArgMin: argMin,
  Asin: asin,
  Atan: atan,
  AveragePool: averagePool,
  BatchNormalization: batchNormalization,
  Cast: cast,
  Ceil: ceil,
  Clip: clip,
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Conv: conv,
  Cos: cos,
  CumSum: cumSum,
  Div: div,
  Elu: elu,
  Equal: equal,
  Erf: erf,
  Exp: exp,
  Expand: expand,
  Flatten: flatten,
  Floor: floor,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  Gelu: gelu,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  Greater: greater,
  GreaterOrEqual: greaterOrEqual,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  Identity: identity,
  LayerNormalization: layerNormalization,
  LeakyRelu: leakyRelu,
  Less: less,
  LessOrEqual: lessOrEqual,
  Log: log,
  MatMul: matmul,
  Max: max,
  MaxPool: maxPool,
  Min: min,
  Mish: mish,
  Mod: mod,
  Mul: mul,
  Neg: neg,
  Not: not,
  Or: or,
  PRelu: prelu,
  Pad: pad,
  Pow: pow,
  Range: range,
  Reciprocal: reciprocal,
  ReduceMax: reduceMax,
  ReduceMean: reduceMean,
  ReduceMin: reduceMin,
  ReduceProd: reduceProd,
  ReduceSum: reduceSum,
  Relu: relu,
  Reshape: reshape,
  Resize: resize,
  Round: round,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
  Shape: shape,
  Sigmoid: sigmoid,
  Sign: sign,
  Sin: sin,
  Slice: slice,
  Softmax: softmax,
  Softplus: softplus,
  Split: split,
  Sqrt: sqrt,
  Squeeze: squeeze,
  Sub: sub,
  Swish: swish,
  Tan: tan,
  Tanh: tanh,
  Tile: tile,
  TopK: topK,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
  Where: where,
  Xor: xor,
};
