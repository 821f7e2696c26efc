/**
 * BatchNormalization in training (Ioffe & Szegedy 2015): mean and variance of the batch, for each channel.
 *
 *   xc = x - mean(x),  inv = 1 / sqrt(mean(xc^2) + epsilon),  y = scale inv xc + shift
 *   dscale = inv sum(dy xc),  dshift = sum(dy),  dx = scale inv (dy - dshift / P - xc inv dscale / P)
 *
 * P values a channel. Forward it is ONNX's operator in training mode, one pass over x where its parts are seven; with
 * momentum 0 it returns the batch's own mean and variance.
 * Running averages, as ONNX has them:  running = momentum running + (1 - momentum) batch.
 */
import { sizeOf } from "../../../runtime/model/tensor.ts";
import type { ForwardContext, GradientRule, NodeContext } from "./rule.ts";

export const BatchNormalization: GradientRule = {
  forward(c) {
    const [, , , mean, variance] = c.inputs;
    const { epsilon = 1e-5, momentum = 0.9 } = c.node.attrs as Record<string, number>;
    const attrs = { training_mode: 1, momentum: 0, epsilon };
    const [y, batchMean, batchVariance] = c.emitMany("BatchNormalization", c.inputs, attrs, 3);
    c.emit("Identity", [y], {}, c.output);
    average(c, 3, mean, batchMean, momentum);
    average(c, 4, variance, batchVariance, momentum);
    const deviation = c.emit("Sqrt", [c.emit("Add", [batchVariance, c.scalar(epsilon)])]);
    return {
      mean: perChannel(c, batchMean),
      inv: perChannel(c, c.emit("Reciprocal", [deviation])),
    };
  },

  backward(c, dy) {
    const { mean, inv } = c.saved;
    const axes = c.ints(axesOf(c));
    const times = (a: string, b: string) => c.emit("Mul", [a, b]);
    const xc = c.emit("Sub", [c.inputs[0], mean]);
    const dscale = times(inv, c.emit("ReduceSum", [times(dy, xc), axes], { keepdims: 1 }));
    const dshift = c.emit("ReduceSum", [dy, axes], { keepdims: 1 });
    const dx = () => {
      const gain = times(perChannel(c, c.inputs[1]), inv);
      const gainShare = times(gain, c.scalar(c.shape[1] / sizeOf(c.shape))); // over P
      const along = times(xc, times(times(gainShare, inv), dscale));
      const level = times(gainShare, dshift);
      return c.emit("Sub", [c.emit("Sub", [times(dy, gain), along]), level]);
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
  const kept = c.emit("Mul", [running, c.scalar(momentum)]);
  const added = c.emit("Mul", [batch, c.scalar(1 - momentum)]);
  c.update(index, c.emit("Add", [kept, added]));
}
