/**
 * BatchNormalization in training (Ioffe & Szegedy 2015): mean and variance of the batch, for each channel.
 *
 *   xc = x - mean(x),  inv = 1 / sqrt(mean(xc^2) + epsilon),  xhat = xc inv,  y = scale xhat + shift
 *   dscale = sum(dy xhat),  dshift = sum(dy),  dx = scale inv (dy - dshift / P - xhat dscale / P)
 *
 * P values a channel. The variance takes a second pass over x: mean(x^2) - mean(x)^2 loses digits.
 * Running averages, as ONNX has them:  running = momentum running + (1 - momentum) batch.
 */
import { sizeOf } from "../../../runtime/model/tensor.ts";
import type { ForwardContext, GradientRule, NodeContext } from "./rule.ts";

export const BatchNormalization: GradientRule = {
  forward(c) {
    const axes = axesOf(c);
    const [x, scale, shift, mean, variance] = c.inputs;
    const { epsilon = 1e-5, momentum = 0.9 } = c.node.attrs as Record<string, number>;
    const batchMean = c.emit("ReduceMean", [x], { axes, keepdims: 1 });
    const xc = c.emit("Sub", [x, batchMean]);
    const batchVariance = c.emit("ReduceMean", [c.emit("Mul", [xc, xc])], { axes, keepdims: 1 });
    const deviation = c.emit("Sqrt", [c.emit("Add", [batchVariance, c.scalar(epsilon)])]);
    const inv = c.emit("Reciprocal", [deviation]);
    const xhat = c.emit("Mul", [xc, inv]);
    c.emit("Add", [c.emit("Mul", [xhat, perChannel(c, scale)]), perChannel(c, shift)], {}, c.output);
    average(c, 3, mean, batchMean, momentum);
    average(c, 4, variance, batchVariance, momentum);
    return { xhat, inv };
  },

  backward(c, dy) {
    const { xhat, inv } = c.saved;
    const axes = c.ints(axesOf(c));
    const dscale = c.emit("ReduceSum", [c.emit("Mul", [dy, xhat]), axes], { keepdims: 1 });
    const dshift = c.emit("ReduceSum", [dy, axes], { keepdims: 1 });
    const share = c.scalar(c.shape[1] / sizeOf(c.shape)); // 1 / P
    const dx = () => {
      // scale inv dy - xhat (scale inv dscale / P) - scale inv dshift / P: three passes over x, not five.
      const gain = c.emit("Mul", [perChannel(c, c.inputs[1]), inv]);
      const gainShare = c.emit("Mul", [gain, share]);
      const own = c.emit("Mul", [dy, gain]);
      const along = c.emit("Mul", [xhat, c.emit("Mul", [gainShare, dscale])]);
      const level = c.emit("Mul", [gainShare, dshift]);
      return c.emit("Sub", [c.emit("Sub", [own, along]), level]);
    };
    const flat = (value: string) => c.emit("Reshape", [value, c.ints([c.shape[1]])]);
    return [
      c.needs[0] ? dx() : undefined,
      c.needs[1] ? flat(dscale) : undefined,
      c.needs[2] ? flat(dshift) : undefined,
    ];
  },
};

/** All axes but the channels'. */
function axesOf(c: NodeContext): number[] {
  return c.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
}

/** [C] -> [1, C, 1, …]. */
function perChannel(c: NodeContext, value: string): string {
  return c.emit("Reshape", [value, c.ints(c.shape.map((size, axis) => (axis === 1 ? size : 1)))]);
}

function average(
  c: ForwardContext,
  index: number,
  running: string,
  batch: string,
  momentum: number,
): void {
  const flat = c.emit("Reshape", [batch, c.ints([c.shape[1]])]);
  const kept = c.emit("Mul", [running, c.scalar(momentum)]);
  const added = c.emit("Mul", [flat, c.scalar(1 - momentum)]);
  c.update(index, c.emit("Add", [kept, added]));
}
