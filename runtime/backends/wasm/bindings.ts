/** The table of operators that this backend runs. */

import { concatBinding } from "./concat.ts";
import { convBinding, gemmBinding } from "./conv.ts";
import { addBinding, clampBinding, divBinding, mulBinding, subBinding } from "./elementwise.ts";
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
import { sliceBinding } from "./slice.ts";
import { softmaxBinding } from "./softmax.ts";
import type { Binding } from "./step.ts";
import { transposeBinding } from "./transpose.ts";

const bindings = {
  Add: addBinding,
  AveragePool: averagePoolBinding,
  Clip: clampBinding,
  Concat: concatBinding,
  Conv: convBinding,
  Div: divBinding,
  Flatten: reshapeBinding,
  Gemm: gemmBinding,
  GlobalAveragePool: globalAverageBinding,
  GlobalMaxPool: globalMaxBinding,
  Identity: reshapeBinding,
  MatMul: matmulBinding,
  MaxPool: maxPoolBinding,
  Mul: mulBinding,
  Pad: padBinding,
  ReduceMean: reduceMeanBinding,
  Relu: clampBinding,
  Reshape: reshapeBinding,
  Slice: sliceBinding,
  Softmax: softmaxBinding,
  Squeeze: reshapeBinding,
  Sub: subBinding,
  Transpose: transposeBinding,
  Unsqueeze: reshapeBinding,
} satisfies Record<string, Binding>;

export function bindingOf(op: string): Binding | undefined {
  return Object.hasOwn(bindings, op) ? (bindings as Record<string, Binding>)[op] : undefined;
}
