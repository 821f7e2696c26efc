/** Softmax, BatchNormalization and LayerNormalization. */
import type { Node } from "../../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { fail, normalAxis } from "../../../runtime/ops/checks.ts";
import type { Emitter } from "./emitter.ts";

export const normalization = {
  /** TFLite's is over the last axis; an image's channels are that. */
  Softmax(node: Node, emitter: Emitter): void {
    const [x] = node.inputs;
    const rank = emitter.shapeOf(x).length;
    const axis = normalAxis(node, (node.attrs.axis as number | undefined) ?? -1, rank);
    const layout = axis === 1 && emitter.layoutOf(x) === "image" ? "image" : "plain";
    if (layout === "plain" && axis !== rank - 1) {
      fail(node, `axis ${axis} of ${rank} cannot be written as TFLite; expected the last`);
    }
    const from = emitter.tensorOf(x, layout);
    const y = emitter.define(node.outputs[0], layout);
    emitter.add("SOFTMAX", [from], y, { kind: "SoftmaxOptions", beta: 1 });
  },

  /** x * scale / deviation + (bias - mean * scale / deviation), by channel. */
  BatchNormalization(node: Node, emitter: Emitter): void {
    const [x, ...parameters] = node.inputs;
    const [scale, bias, mean, variance] = parameters.map((name) => emitter.constantOf(name)?.data);
    if (!scale || !bias || !mean || !variance) fail(node, "its parameters must be constants");
    const epsilon = (node.attrs.epsilon as number | undefined) ?? 1e-5;
    const factor = Float32Array.from(scale, (s, c) => s / Math.sqrt(variance[c] + epsilon));
    const offset = Float32Array.from(bias, (b, c) => b - mean[c] * factor[c]);
    if (emitter.shapeOf(x).length !== 4) fail(node, "only of images can it be written as TFLite");
    const from = emitter.tensorOf(x, "image");
    const scaled = emitter.temporary(emitter.shapeInFile(from));
    const channels = (values: Float32Array) => emitter.constant(tensor([values.length], values));
    emitter.add("MUL", [from, channels(factor)], scaled, { kind: "MulOptions" });
    const y = emitter.define(node.outputs[0], "image");
    emitter.add("ADD", [scaled, channels(offset)], y, { kind: "AddOptions" });
  },

  /** (x - mean) / sqrt(variance + epsilon) * scale + bias over the last axes, in TFLite's own small steps. */
  LayerNormalization(node: Node, emitter: Emitter): void {
    const [x, scale, bias] = node.inputs;
    const rank = emitter.shapeOf(x).length;
    const first = normalAxis(node, (node.attrs.axis as number | undefined) ?? -1, rank);
    const from = emitter.tensorOf(x, "plain");
    const shape = emitter.shapeInFile(from);
    const reduced = shape.map((dim, axis) => (axis < first ? dim : 1));
    const axes = emitter.ints(shape.map((_, axis) => axis).slice(first));
    const epsilon = (node.attrs.epsilon as number | undefined) ?? 1e-5;
    const mean = emitter.temporary(reduced);
    const squares = emitter.temporary(shape);
    const variance = emitter.temporary(reduced);
    const raised = emitter.temporary(reduced);
    const inverse = emitter.temporary(reduced);
    const centred = emitter.temporary(shape);
    const normal = emitter.temporary(shape);
    const scaled = bias ? emitter.temporary(shape) : emitter.define(node.outputs[0], "plain");
    emitter.add("MEAN", [from, axes], mean, { kind: "ReducerOptions", keepDims: 1 });
    emitter.add("SQUARED_DIFFERENCE", [from, mean], squares, { kind: "SquaredDifferenceOptions" });
    emitter.add("MEAN", [squares, axes], variance, { kind: "ReducerOptions", keepDims: 1 });
    const small: Tensor = tensor([1], Float32Array.of(epsilon));
    emitter.add("ADD", [variance, emitter.constant(small)], raised, { kind: "AddOptions" });
    emitter.add("RSQRT", [raised], inverse);
    emitter.add("SUB", [from, mean], centred, { kind: "SubOptions" });
    emitter.add("MUL", [centred, inverse], normal, { kind: "MulOptions" });
    emitter.add("MUL", [normal, emitter.tensorOf(scale, "plain")], scaled, { kind: "MulOptions" });
    if (!bias) return;
    const y = emitter.define(node.outputs[0], "plain");
    emitter.add("ADD", [scaled, emitter.tensorOf(bias, "plain")], y, { kind: "AddOptions" });
  },
};
