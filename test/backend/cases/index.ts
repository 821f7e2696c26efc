/** The cases of every operator: the compiler asks for them. Run by the oracle test and by each backend's test. */
import type { OpName } from "../../../runtime/ops/index.ts";
import { clip, relu, sigmoid } from "./activation.ts";
import { batchNormalization } from "./batch-normalization.ts";
import { add, div, mul, sub } from "./binary.ts";
import type { Case } from "./case.ts";
import { concat } from "./concat.ts";
import { conv } from "./conv.ts";
import { gemm } from "./gemm.ts";
import { globalAveragePool, globalMaxPool } from "./global-pool.ts";
import { layerNormalization } from "./layer-normalization.ts";
import { matmul } from "./matmul.ts";
import { pad } from "./pad.ts";
import { averagePool, maxPool } from "./pool.ts";
import { reduceMean } from "./reduce.ts";
import { flatten, identity, reshape, squeeze, unsqueeze } from "./reshape.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { transpose } from "./transpose.ts";

export const cases: Record<OpName, readonly Case[]> = {
  Add: add,
  AveragePool: averagePool,
  BatchNormalization: batchNormalization,
  Clip: clip,
  Concat: concat,
  Conv: conv,
  Div: div,
  Flatten: flatten,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  Identity: identity,
  LayerNormalization: layerNormalization,
  MatMul: matmul,
  MaxPool: maxPool,
  Mul: mul,
  Pad: pad,
  ReduceMean: reduceMean,
  Relu: relu,
  Reshape: reshape,
  Sigmoid: sigmoid,
  Slice: slice,
  Softmax: softmax,
  Squeeze: squeeze,
  Sub: sub,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
