/** Gradients of sums and means over axes, and of Expand, which is the other way round. */
import { readAttrs } from "../../../runtime/ops/attributes.ts";
import { normalAxes } from "../../../runtime/ops/checks.ts";
import { operators } from "../../../runtime/ops/index.ts";
import { sumTo, toFloat } from "./elementwise.ts";
import type { BackwardContext, GradientRule, NodeContext } from "./rule.ts";

export const ReduceSum: GradientRule = {
  // Its axes are an input in ONNX, unlike those of the other reductions, and an attribute in a Graph.
  forward(c) {
    const { keepdims = 1 } = c.node.attrs as Record<string, number>;
    c.emit("ReduceSum", [c.inputs[0], c.ints(reducedAxes(c))], { keepdims }, c.output);
    return {};
  },
  backward: (c, dy) => [spread(c, dy, reducedAxes(c))],
};

export const ReduceMean: GradientRule = {
  backward(c, dy) {
    const axes = reducedAxes(c);
    const count = axes.reduce((all, axis) => all * c.shapes[0][axis], 1);
    return [spread(c, c.emit("Mul", [dy, c.scalar(1 / count)]), axes)];
  },
};

/** Where the extreme value is; where it is more than once, each has an equal share. */
const extreme: GradientRule = {
  backward(c, dy) {
    const axes = reducedAxes(c);
    const is = toFloat(c, c.emit("Equal", [c.inputs[0], spread(c, c.output, axes)]));
    const count = c.emit("ReduceSum", [is, c.ints(axes)], { keepdims: 1 });
    return [c.emit("Div", [c.emit("Mul", [spread(c, dy, axes), is]), count])];
  },
};
export const ReduceMax = extreme;
export const ReduceMin = extreme;

export const GlobalMaxPool: GradientRule = {
  backward: (c, dy) =>
    extreme.backward({ ...c, node: { ...c.node, attrs: { axes: spatialAxes(c) } } }, dy),
};

function spatialAxes(c: NodeContext): number[] {
  return c.shape.map((_, axis) => axis).slice(2);
}

export const Expand: GradientRule = {
  backward: (c, dy) => [sumTo(c, dy, c.shape, c.shapes[0])],
};

/** Each value goes to all places that were reduced to it. */
function spread(c: BackwardContext, dy: string, axes: readonly number[]): string {
  const kept = c.shapes[0].map((size, axis) => (axes.includes(axis) ? 1 : size));
  return c.emit("Expand", [c.emit("Reshape", [dy, c.ints(kept)]), c.ints(c.shapes[0])]);
}

function reducedAxes(c: NodeContext): number[] {
  const { axes } = readAttrs(c.node, operators.ReduceSum.attrs);
  const rank = c.shapes[0].length;
  return axes && axes.length > 0 ? normalAxes(c.node, axes, rank) : c.shapes[0].map((_, axis) => axis);
}
