/** Gradients of activations: dy times the derivative. */
import { readAttrs } from "../../../runtime/ops/attributes.ts";
import { operators } from "../../../runtime/ops/index.ts";
import type { Emitter } from "../emitter.ts";
import { sumTo, toFloat } from "./elementwise.ts";
import type { GradientRule } from "./rule.ts";

/** σ + αx σ (1 - σ), σ = sigmoid(αx) */
export const Swish: GradientRule = {
  backward(c, dy) {
    const { alpha } = readAttrs(c.node, operators.Swish.attrs);
    const { times, plus } = arithmetic(c);
    const scaled = alpha === 1 ? c.inputs[0] : times(c.inputs[0], alpha);
    const share = c.emit("Sigmoid", [scaled]);
    const bent = times(times(scaled, share), plus(times(share, -1), 1));
    return [times(dy, plus(share, bent))];
  },
};

/** By erf: Φ(x) + x φ(x). By tanh u: (1 + t) / 2 + x (1 - t²) u' / 2, t = tanh u, u = √(2 / π) (x + 0.044715 x³). */
export const Gelu: GradientRule = {
  backward(c, dy) {
    const { approximate } = readAttrs(c.node, operators.Gelu.attrs);
    const { times, plus } = arithmetic(c);
    const [x] = c.inputs;
    const square = times(x, x);
    if (approximate !== "tanh") {
      const share = times(plus(c.emit("Erf", [times(x, Math.SQRT1_2)]), 1), 0.5);
      const density = times(c.emit("Exp", [times(square, -0.5)]), 1 / Math.sqrt(2 * Math.PI));
      return [times(dy, plus(share, times(x, density)))];
    }
    const root = Math.sqrt(2 / Math.PI);
    const t = c.emit("Tanh", [times(x, plus(times(square, 0.044715 * root), root))]);
    const slope = plus(times(square, 3 * 0.044715 * root), root);
    const rest = plus(times(times(t, t), -1), 1);
    const sum = plus(plus(t, 1), times(x, times(rest, slope)));
    return [times(dy, times(sum, 0.5))];
  },
};

/** 0 below -3, x / 3 + 1/2 up to 3, 1 above */
export const HardSwish: GradientRule = {
  backward(c, dy) {
    const { times, plus } = arithmetic(c);
    const [x] = c.inputs;
    const inside = times(isAbove(c, x, -3), isBelow(c, x, 3));
    const rising = times(inside, plus(times(x, 1 / 3), 0.5));
    return [times(dy, plus(rising, isAbove(c, x, 3)))];
  },
};

/** α where the result is between 0 and 1 */
export const HardSigmoid: GradientRule = {
  backward(c, dy) {
    const { alpha } = readAttrs(c.node, operators.HardSigmoid.attrs);
    const { times } = arithmetic(c);
    return [times(dy, times(times(isAbove(c, c.output, 0), isBelow(c, c.output, 1)), alpha))];
  },
};

/** 1 above 0, α below */
export const LeakyRelu: GradientRule = {
  backward(c, dy) {
    const { alpha } = readAttrs(c.node, operators.LeakyRelu.attrs);
    const { times, plus } = arithmetic(c);
    return [times(dy, plus(times(isAbove(c, c.inputs[0], 0), 1 - alpha), alpha))];
  },
};

/** 1 - y² */
export const Tanh: GradientRule = {
  backward(c, dy) {
    const { times, plus } = arithmetic(c);
    return [times(dy, plus(times(times(c.output, c.output), -1), 1))];
  },
};

/** 2 / √π e^-x² */
export const Erf: GradientRule = {
  backward(c, dy) {
    const { times } = arithmetic(c);
    const [x] = c.inputs;
    const bell = c.emit("Exp", [times(times(x, x), -1)]);
    return [times(dy, times(bell, 2 / Math.sqrt(Math.PI)))];
  },
};

/** 1 above 0, y + α below */
export const Elu: GradientRule = {
  backward(c, dy) {
    const { alpha } = readAttrs(c.node, operators.Elu.attrs);
    const { times, plus } = arithmetic(c);
    const above = isAbove(c, c.inputs[0], 0);
    const below = times(plus(times(above, -1), 1), plus(c.output, alpha));
    return [times(dy, plus(above, below))];
  },
};

/** 1 above 0, the slope below, whose own gradient is dy x there */
export const PRelu: GradientRule = {
  backward(c, dy) {
    const [x, slope] = c.inputs;
    const { times, plus } = arithmetic(c);
    const above = isAbove(c, x, 0);
    const below = plus(times(above, -1), 1);
    return [
      times(dy, plus(above, times(below, slope))),
      c.needs[1] ? sumTo(c, times(dy, times(below, x)), c.shape, c.shapes[1]) : undefined,
    ];
  },
};

/** σ(x) */
export const Softplus: GradientRule = {
  backward: (c, dy) => [c.emit("Mul", [dy, c.emit("Sigmoid", [c.inputs[0]])])],
};

/** t + x σ(x) (1 - t²), t = tanh ln(1 + e^x). Mish came with opset 18: here it is written out. */
export const Mish: GradientRule = {
  forward(c) {
    const t = c.emit("Tanh", [c.emit("Softplus", [c.inputs[0]])]);
    c.emit("Mul", [c.inputs[0], t], {}, c.output);
    return { t };
  },
  backward(c, dy) {
    const { times, plus } = arithmetic(c);
    const [x] = c.inputs;
    const { t } = c.saved;
    const rest = plus(times(times(t, t), -1), 1);
    return [times(dy, plus(t, times(times(x, c.emit("Sigmoid", [x])), rest)))];
  },
};

export const Abs: GradientRule = {
  backward: (c, dy) => [c.emit("Mul", [dy, c.emit("Sign", [c.inputs[0]])])],
};
export const Log: GradientRule = { backward: (c, dy) => [c.emit("Div", [dy, c.inputs[0]])] };
/** 1 / 2y */
export const Sqrt: GradientRule = {
  backward: (c, dy) => [c.emit("Div", [c.emit("Mul", [dy, c.scalar(0.5)]), c.output])],
};
/** -y² */
export const Reciprocal: GradientRule = {
  backward: (c, dy) => [c.emit("Neg", [c.emit("Mul", [dy, c.emit("Mul", [c.output, c.output])])])],
};
export const Exp: GradientRule = { backward: (c, dy) => [c.emit("Mul", [dy, c.output])] };
export const Neg: GradientRule = { backward: (c, dy) => [c.emit("Neg", [dy])] };

function arithmetic(c: Emitter) {
  const operand = (value: string | number) => (typeof value === "string" ? value : c.scalar(value));
  return {
    times: (a: string, b: string | number) => c.emit("Mul", [a, operand(b)]),
    plus: (a: string, b: string | number) => c.emit("Add", [a, operand(b)]),
  };
}

/** 1 where x > bound, else 0. */
function isAbove(c: Emitter, x: string, bound: number): string {
  return toFloat(c, c.emit("Greater", [x, c.scalar(bound)]));
}

function isBelow(c: Emitter, x: string, bound: number): string {
  return toFloat(c, c.emit("Less", [x, c.scalar(bound)]));
}
