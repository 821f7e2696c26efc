/** The operators through which channels are followed; at any other they all stay. */
import { batchNormalization, elementwise } from "./elementwise.ts";
import { concat, pad, pool, reduceMean, regroup, resize, slice, transpose } from "./moves.ts";
import { product } from "./products.ts";
import type { ChannelRule } from "./rule.ts";

const named = (rule: ChannelRule, ops: string) => ops.split(" ").map((op) => [op, rule] as const);

export const channelRules: ReadonlyMap<string, ChannelRule> = new Map([
  ...named(product, "Conv Gemm MatMul"),
  ...named(batchNormalization, "BatchNormalization"),
  ...named(
    elementwise,
    "Abs Add Clip Div Elu Erf Exp Gelu HardSigmoid HardSwish LeakyRelu Log Max Min Mish Mul Neg Pow PRelu " +
      "Reciprocal Relu Selu Sigmoid Softplus Sqrt Sub Swish Tanh",
  ),
  ...named(pool, "AveragePool GlobalAveragePool GlobalMaxPool MaxPool"),
  ...named(reduceMean, "ReduceMean"),
  ...named(resize, "Resize"),
  ...named(pad, "Pad"),
  ...named(concat, "Concat"),
  ...named(transpose, "Transpose"),
  ...named(slice, "Slice"),
  ...named(regroup, "Flatten Identity Reshape Squeeze Unsqueeze"),
]);
