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
import { add, div, mul, pow, sub } from "./binary.ts";
import type { Case } from "./case.ts";
import { concat } from "./concat.ts";
import { conv } from "./conv.ts";
import { expand } from "./expand.ts";
import { gather } from "./gather.ts";
import { gemm } from "./gemm.ts";
import { globalAveragePool, globalMaxPool } from "./global-pool.ts";
import { layerNormalization } from "./layer-normalization.ts";
import { matmul } from "./matmul.ts";
import { pad } from "./pad.ts";
import { averagePool, maxPool } from "./pool.ts";
import { reduceMean } from "./reduce.ts";
import { flatten, identity, reshape, squeeze, unsqueeze } from "./reshape.ts";
import { resize } from "./resize.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { split } from "./split.ts";
import { transpose } from "./transpose.ts";
import { abs, erf, exp, log, neg, reciprocal, sqrt, tanh } from "./unary.ts";

export const cases: Record<OpName, readonly Case[]> = {
  Abs: abs,
  Add: add,
  AveragePool: averagePool,
  BatchNormalization: batchNormalization,
  Clip: clip,
  Concat: concat,
  Conv: conv,
  Div: div,
  Elu: elu,
  Erf: erf,
  Exp: exp,
  Expand: expand,
  Flatten: flatten,
  Gather: gather,
  Gelu: gelu,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  Identity: identity,
  LayerNormalization: layerNormalization,
  LeakyRelu: leakyRelu,
  Log: log,
  MatMul: matmul,
  MaxPool: maxPool,
  Mul: mul,
  Neg: neg,
  Pad: pad,
  Pow: pow,
  Reciprocal: reciprocal,
  ReduceMean: reduceMean,
  Relu: relu,
  Reshape: reshape,
  Resize: resize,
  Sigmoid: sigmoid,
  Slice: slice,
  Softmax: softmax,
  Split: split,
  Sqrt: sqrt,
  Squeeze: squeeze,
  Sub: sub,
  Swish: swish,
  Tanh: tanh,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
