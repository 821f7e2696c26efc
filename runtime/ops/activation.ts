/** Activations, element by element: what bounds, bends or gates a value. A NaN stays a NaN. */
import type { Node } from "../model/graph.ts";
import { readAttrs } from "./attributes.ts";
import { constantScalar, fail, given, input } from "./checks.ts";
import type { InferInput, Operator } from "./operator.ts";
import { erf, map, unary } from "./unary.ts";

export const Relu = unary((x) => Math.max(x, 0));
export const Sigmoid = unary(sigmoid);
export const HardSwish = unary((x) => x * clip(x / 6 + 0.5));
export const HardSigmoid = unary((x, { alpha, beta }) => clip(alpha * x + beta), {
  alpha: { type: "float", default: 0.2 },
  beta: { type: "float", default: 0.5 },
});
export const LeakyRelu = unary((x, { alpha }) => (x < 0 ? alpha * x : x), {
  alpha: { type: "float", default: 0.01 },
});
export const Elu = unary((x, { alpha }) => (x < 0 ? alpha * Math.expm1(x) : x), {
  alpha: { type: "float", default: 1 },
});

/** x sigmoid(αx), ONNX's since opset 24; SiLU where α is 1. */
export const Swish = unary((x, { alpha }) => x * sigmoid(alpha * x), {
  alpha: { type: "float", default: 1 },
});

const geluAttrs = { approximate: { type: "string", default: "none" } } as const;

/** x times the normal distribution's share below x, ONNX's since opset 20: by erf, or a formula of tanh. */
export const Gelu = {
  ...unary((x, { approximate }) => x * (approximate === "tanh" ? tanhShare(x) : share(x)), geluAttrs),

  infer(node, inputs) {
    const { approximate } = readAttrs(node, geluAttrs);
    if (approximate !== "none" && approximate !== "tanh")
      fail(node, `approximate "${approximate}" is not known; expected "none" or "tanh"`);
    return [{ dtype: "float32", shape: input(node, inputs, 0, "the input").shape }];
  },
} satisfies Operator;

/** min(max(x, low), high): inputs x, low, high, the last two constant scalars that may be left out. */
export const Clip = {
  inputs: [1, 3],
  attrs: {},

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input");
    clipRange(node, inputs);
    return [{ dtype: "float32", shape: x.shape }];
  },

  reference(_node, inputs) {
    const low = inputs[1]?.data[0] ?? -Infinity;
    const high = inputs[2]?.data[0] ?? Infinity;
    // max first: where low > high, high wins.
    return [map(given(inputs, 0), (x) => (x > high || low > high ? high : Math.max(x, low)))];
  },
} satisfies Operator;

/** [low, high] of a Clip; infinite where left out. */
export function clipRange(
  node: Node,
  inputs: readonly (InferInput | undefined)[],
): [low: number, high: number] {
  return [
    constantScalar(node, inputs, 1, "min") ?? -Infinity,
    constantScalar(node, inputs, 2, "max") ?? Infinity,
  ];
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function clip(x: number): number {
  return Math.min(Math.max(x, 0), 1);
}

function share(x: number): number {
  return (1 + erf(x * Math.SQRT1_2)) / 2;
}

function tanhShare(x: number): number {
  return (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))) / 2;
}
