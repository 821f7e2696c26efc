/**
 * Gradients of Softmax and LayerNormalization.
 *
 *   softmax   dx = y (dy - sum(dy y))
 *   layer     xhat = (x - mean) inv,  g = dy scale:   dx = inv (g - mean(g) - xhat mean(g xhat)),
 *             dscale = sum(dy xhat),  dshift = sum(dy)          means over the dimensions from `axis` on
 */
import { normalAxis } from "../../../runtime/ops/checks.ts";
import { sumTo } from "./elementwise.ts";
import type { GradientRule } from "./rule.ts";

export const Softmax: GradientRule = {
  backward(c, dy) {
    const axis = normalAxis(c.node, Number(c.node.attrs.axis ?? -1), c.shape.length);
    const weighted = c.emit("Mul", [dy, c.output]);
    const sum = c.emit("ReduceSum", [weighted, c.ints([axis])], { keepdims: 1 });
    return [c.emit("Sub", [weighted, c.emit("Mul", [c.output, sum])])];
  },
};

export const LayerNormalization: GradientRule = {
  forward(c) {
    const [y, mean, inv] = c.emitMany("LayerNormalization", c.inputs, c.node.attrs, 3);
    c.emit("Identity", [y], {}, c.output);
    return { mean, inv };
  },

  backward(c, dy) {
    const [x, scale] = c.inputs;
    const { mean, inv } = c.saved;
    const axis = normalAxis(c.node, Number(c.node.attrs.axis ?? -1), c.shape.length);
    const axes = c.shape.map((_, i) => i).slice(axis);
    const times = (a: string, b: string) => c.emit("Mul", [a, b]);
    const meanOf = (value: string) => c.emit("ReduceMean", [value], { axes, keepdims: 1 });
    const xhat = times(c.emit("Sub", [x, mean]), inv);
    const dx = () => {
      const g = times(dy, scale);
      const level = c.emit("Sub", [g, meanOf(g)]);
      return times(inv, c.emit("Sub", [level, times(xhat, meanOf(times(g, xhat)))]));
    };
    return [
      c.needs[0] ? dx() : undefined,
      c.needs[1] ? sumTo(c, times(dy, xhat), c.shape, c.shapes[1]) : undefined,
      c.needs[2] ? sumTo(c, dy, c.shape, c.shapes[2]) : undefined,
    ];
  },
};
