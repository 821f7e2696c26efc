/** Gradients of element-by-element operators, with broadcasting. */
import type { Shape } from "../../../runtime/model/tensor.ts";
import { fail } from "../../../runtime/ops/checks.ts";
import type { Emitter } from "../emitter.ts";
import type { GradientRule } from "./rule.ts";

export const Add: GradientRule = {
  backward: (c, dy) =>
    c.shapes.map((shape, i) => (c.needs[i] ? sumTo(c, dy, c.shape, shape) : undefined)),
};

export const Sub: GradientRule = {
  backward: (c, dy) => [
    c.needs[0] ? sumTo(c, dy, c.shape, c.shapes[0]) : undefined,
    c.needs[1] ? sumTo(c, c.emit("Neg", [dy]), c.shape, c.shapes[1]) : undefined,
  ],
};

export const Mul: GradientRule = {
  backward: (c, dy) =>
    c.shapes.map((shape, i) =>
      c.needs[i] ? sumTo(c, c.emit("Mul", [dy, c.inputs[1 - i]]), c.shape, shape) : undefined,
    ),
};

/** da = dy / b,  db = -dy y / b */
export const Div: GradientRule = {
  backward(c, dy) {
    const share = c.emit("Div", [dy, c.inputs[1]]);
    return [
      c.needs[0] ? sumTo(c, share, c.shape, c.shapes[0]) : undefined,
      c.needs[1]
        ? sumTo(c, c.emit("Neg", [c.emit("Mul", [share, c.output])]), c.shape, c.shapes[1])
        : undefined,
    ];
  },
};

/** p x^(p - 1), for a constant p */
export const Pow: GradientRule = {
  backward(c, dy) {
    const [x, power] = c.inputs;
    if (c.needs[1]) fail(c.node, "cannot be trained with a power that is trained");
    const slope = c.emit("Mul", [power, c.emit("Pow", [x, c.emit("Sub", [power, c.scalar(1)])])]);
    return [sumTo(c, c.emit("Mul", [dy, slope]), c.shape, c.shapes[0])];
  },
};

/** The larger, or the smaller, operand has the gradient; the first, where they are equal. */
const choice = (comparison: string): GradientRule => ({
  backward(c, dy) {
    const [a, b] = c.inputs;
    if (c.inputs.length !== 2) fail(c.node, "can be trained with two operands only");
    const first = toFloat(c, c.emit(comparison, [a, b]));
    const own = c.emit("Mul", [dy, first]);
    return [
      c.needs[0] ? sumTo(c, own, c.shape, c.shapes[0]) : undefined,
      c.needs[1] ? sumTo(c, c.emit("Sub", [dy, own]), c.shape, c.shapes[1]) : undefined,
    ];
  },
});
export const Max = choice("GreaterOrEqual");
export const Min = choice("LessOrEqual");

/** Each side has the gradient where it was taken. */
export const Where: GradientRule = {
  backward(c, dy) {
    const taken = c.emit("Mul", [dy, toFloat(c, c.inputs[0])]);
    return [
      undefined,
      c.needs[1] ? sumTo(c, taken, c.shape, c.shapes[1]) : undefined,
      c.needs[2] ? sumTo(c, c.emit("Sub", [dy, taken]), c.shape, c.shapes[2]) : undefined,
    ];
  },
};

/**
 * 1 where the output is above 0, by HardSigmoid, min(1, 3e38 y): one pass, where Greater and Cast are two and Where is
 * slower than both. It is 1 for every y from 1e-38 on, the least that float32 holds at full precision.
 */
export const Relu: GradientRule = {
  backward: (c, dy) => [
    c.emit("Mul", [dy, c.emit("HardSigmoid", [c.output], { alpha: 3e38, beta: 0 })]),
  ],
};

/** 1 strictly between the bounds, where the output is the input. */
export const Clip: GradientRule = {
  backward(c, dy) {
    let dx = dy;
    for (const [bound, comparison] of [
      [c.inputs[1], "Greater"],
      [c.inputs[2], "Less"],
    ]) {
      if (bound) dx = c.emit("Mul", [dx, toFloat(c, c.emit(comparison, [c.output, bound]))]);
    }
    return [dx];
  },
};

/** y (1 - y) */
export const Sigmoid: GradientRule = {
  backward(c, dy) {
    const rest = c.emit("Sub", [c.scalar(1), c.output]);
    return [c.emit("Mul", [dy, c.emit("Mul", [c.output, rest])])];
  },
};

/** ONNX's number for float32. */
const FLOAT = 1;

/** A bool as 1 or 0. */
export function toFloat(c: Emitter, value: string): string {
  return c.emit("Cast", [value], { to: FLOAT });
}

/** The gradient of a value of shape `to` that was broadcast to `from`: its copies' gradients added up. */
export function sumTo(c: Emitter, dy: string, from: Shape, to: Shape): string {
  const extra = from.length - to.length;
  const axes = from
    .map((_, axis) => axis)
    .filter((axis) => axis < extra || (to[axis - extra] === 1 && from[axis] !== 1));
  if (axes.length === 0) return dy;
  const sum = c.emit("ReduceSum", [dy, c.ints(axes)], { keepdims: 1 });
  return extra > 0 ? c.emit("Reshape", [sum, c.ints(to)]) : sum;
}
