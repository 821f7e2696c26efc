/** The table of operators that this backend runs, and of steps that stand for several nodes. */

import { attentionBinding } from "./attention.ts";
import { concatBinding } from "./concat.ts";
import { convBinding } from "./conv.ts";
import {
  activationBinding,
  addBinding,
  clampBinding,
  divBinding,
  maxBinding,
  minBinding,
  mulBinding,
  preluBinding,
  subBinding,
} from "./elementwise.ts";
import { expandBinding, gatherBinding } from "./gather.ts";
import { gemmBinding } from "./gemm.ts";
import { hostBinding } from "./host.ts";
import { layerNormBinding } from "./layer-normalization.ts";
import { matmulBinding } from "./matmul.ts";
import { padBinding } from "./pad.ts";
import {
  averagePoolBinding,
  globalAverageBinding,
  globalMaxBinding,
  maxPoolBinding,
  reduceMeanBinding,
} from "./pool.ts";
import { reshapeBinding } from "./reshape.ts";
import { resizeBinding } from "./resize.ts";
import { sliceBinding } from "./slice.ts";
import { softmaxBinding } from "./softmax.ts";
import type { Binding } from "./step.ts";
import { transposeBinding } from "./transpose.ts";

const bindings = {
  Abs: activationBinding,
  Add: addBinding,
  Attention: attentionBinding,
  AveragePool: averagePoolBinding,
  Ceil: activationBinding,
  Clip: clampBinding,
  Concat: concatBinding,
  Conv: convBinding,
  Div: divBinding,
  Elu: activationBinding,
  Erf: activationBinding,
  Exp: activationBinding,
  Expand: expandBinding,
  Flatten: reshapeBinding,
  Floor: activationBinding,
  Gather: gatherBinding,
  Gelu: activationBinding,
  Gemm: gemmBinding,
  GlobalAveragePool: globalAverageBinding,
  GlobalMaxPool: globalMaxBinding,
  HardSigmoid: activationBinding,
  HardSwish: activationBinding,
  Host: hostBinding,
  Identity: reshapeBinding,
  LeakyRelu: activationBinding,
  Log: activationBinding,
  LayerNormalization: layerNormBinding,
  MatMul: matmulBinding,
  Max: maxBinding,
  MaxPool: maxPoolBinding,
  Min: minBinding,
  Mish: activationBinding,
  Mul: mulBinding,
  Neg: activationBinding,
  Pad: padBinding,
  Pow: activationBinding,
  PRelu: preluBinding,
  Reciprocal: activationBinding,
  ReduceMean: reduceMeanBinding,
  Relu: clampBinding,
  Reshape: reshapeBinding,
  Resize: resizeBinding,
  Round: activationBinding,
  Sigmoid: activationBinding,
  Slice: sliceBinding,
  Softmax: softmaxBinding,
  Softplus: activationBinding,
  Sqrt: activationBinding,
  Squeeze: reshapeBinding,
  Sub: subBinding,
  Swish: activationBinding,
  Tanh: activationBinding,
  Transpose: transposeBinding,
  Unsqueeze: reshapeBinding,
} satisfies Record<string, Binding>;

export function bindingOf(op: string): Binding | undefined {
  return Object.hasOwn(bindings, op) ? (bindings as Record<string, Binding>)[op] : undefined;
}
