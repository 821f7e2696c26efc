/**
 * The operators that Filigree knows, with the meaning ONNX gives them in opset 17 (older and newer forms are
 * rewritten at import). Constants are no operator here: they are in `Graph.constants`.
 */
import { Clip, Relu, Sigmoid } from "./activation.ts";
import { BatchNormalization } from "./batch-normalization.ts";
import { Add, Div, Mul, Sub } from "./binary.ts";
import { Concat } from "./concat.ts";
import { Conv } from "./conv.ts";
import { Gemm } from "./gemm.ts";
import { GlobalAveragePool, GlobalMaxPool } from "./global-pool.ts";
import { LayerNormalization } from "./layer-normalization.ts";
import { MatMul } from "./matmul.ts";
import type { Operator } from "./operator.ts";
import { Pad } from "./pad.ts";
import { AveragePool, MaxPool } from "./pool.ts";
import { ReduceMean } from "./reduce.ts";
import { Flatten, Identity, Reshape, Squeeze, Unsqueeze } from "./reshape.ts";
import { Slice } from "./slice.ts";
import { Softmax } from "./softmax.ts";
import { Transpose } from "./transpose.ts";

export const operators = {
  Add,
  AveragePool,
  BatchNormalization,
  Clip,
  Concat,
  Conv,
  Div,
  Flatten,
  Gemm,
  GlobalAveragePool,
  GlobalMaxPool,
  Identity,
  LayerNormalization,
  MatMul,
  MaxPool,
  Mul,
  Pad,
  ReduceMean,
  Relu,
  Reshape,
  Sigmoid,
  Slice,
  Softmax,
  Squeeze,
  Sub,
  Transpose,
  Unsqueeze,
} satisfies Record<string, Operator>;

export type OpName = keyof typeof operators;

/** The operator called `op`, if it is known. */
export function operatorOf(op: string): Operator | undefined {
  return Object.hasOwn(operators, op) ? (operators as Record<string, Operator>)[op] : undefined;
}
