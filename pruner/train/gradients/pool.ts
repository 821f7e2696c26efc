/** Gradients of pooling. x [N, C, H, W]. */
import { sizeOf } from "../../../runtime/model/tensor.ts";
import { fail } from "../../../runtime/ops/checks.ts";
import { averagePoolGeometry, maxPoolGeometry, type PoolGeometry } from "../../../runtime/ops/pool.ts";
import { tapsInside } from "../../../runtime/ops/window.ts";
import type { BackwardContext, GradientRule } from "./rule.ts";

/** Each value of a plane gets the same share. */
export const GlobalAveragePool: GradientRule = {
  backward(c, dy) {
    const area = sizeOf(c.shapes[0].slice(2));
    const share = c.emit("Mul", [dy, c.scalar(1 / area)]);
    return [c.emit("Expand", [share, c.ints(c.shapes[0])])];
  },
};

/** The forward form also says where each maximum was; the gradient goes there and nowhere else. */
export const MaxPool: GradientRule = {
  forward(c) {
    maxPoolGeometry(c.node, c.shapes[0]);
    const [y, where] = c.emitMany("MaxPool", c.inputs, c.node.attrs, 2);
    c.emit("Identity", [y], {}, c.output);
    return { where };
  },

  backward(c, dy) {
    const outputs = sizeOf(c.shape);
    const zero = c.emit("Expand", [c.scalar(0), c.ints([sizeOf(c.shapes[0])])]);
    const [where, values] = [c.saved.where, dy].map((v) => c.emit("Reshape", [v, c.ints([outputs])]));
    const dx = c.emit("ScatterElements", [zero, where, values], { axis: 0, reduction: "add" });
    return [c.emit("Reshape", [dx, c.ints(c.shapes[0])])];
  },
};

/** Every value of a window gets dy / count: a depthwise ConvTranspose of that with ones. */
export const AveragePool: GradientRule = {
  backward(c, dy) {
    const geometry = averagePoolGeometry(c.node, c.shapes[0]);
    const { axes } = geometry;
    if (axes.length !== 2) fail(c.node, "cannot be trained: only pooling over two dimensions can");
    if (c.node.attrs.ceil_mode) fail(c.node, "cannot be trained with ceil_mode; export without it");
    const channels = c.shape[1];
    const [kH, kW] = axes.map(({ kernel }) => kernel);
    const ones = c.floats([channels, 1, kH, kW], new Float32Array(channels * kH * kW).fill(1));
    const share = c.emit("Mul", [dy, shares(c, geometry)]);
    const dx = c.emit("ConvTranspose", [share, ones], {
      group: channels,
      dilations: axes.map(({ dilation }) => dilation),
      kernel_shape: [kH, kW],
      strides: axes.map(({ stride }) => stride),
      pads: [...axes.map(({ padBegin }) => padBegin), ...axes.map(({ padEnd }) => padEnd)],
      output_padding: axes.map((axis) => {
        const reached = (axis.outputSize - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
        return axis.inputSize - (reached - axis.padBegin - axis.padEnd);
      }),
    });
    return [dx];
  },
};

/** 1 / count of the values in each window: [1, 1, oH, oW]. */
function shares(c: BackwardContext, { axes, countIncludePad }: PoolGeometry): string {
  const [y, x] = axes;
  const countOf = (axis: typeof y, o: number) => {
    const [first, end] = tapsInside(axis, o);
    return countIncludePad ? axis.kernel : end - first;
  };
  const values = Float32Array.from({ length: y.outputSize * x.outputSize }, (_, at) => {
    return 1 / (countOf(y, Math.floor(at / x.outputSize)) * countOf(x, at % x.outputSize));
  });
  return c.floats([1, 1, y.outputSize, x.outputSize], values);
}
