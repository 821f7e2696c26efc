/** Pooling: windows, and the whole image as a MEAN. */
import type { Node } from "../../../runtime/model/graph.ts";
import { fail } from "../../../runtime/ops/checks.ts";
import {
  averagePoolGeometry,
  maxPoolGeometry,
  type PoolGeometry,
  tapsPadded,
} from "../../../runtime/ops/pool.ts";
import { paddings } from "../../import/tflite/schema.ts";
import type { Emitter } from "./emitter.ts";
import { padded } from "./window.ts";

/** The lowest float32: what never is the maximum. */
const lowest = -3.4028234663852886e38;

export const pooling = {
  MaxPool(node: Node, emitter: Emitter): void {
    const [x] = node.inputs;
    const fill = emitter.isNonNegative(x) ? 0 : lowest;
    pool(node, emitter, "MAX_POOL_2D", maxPoolGeometry(node, emitter.shapeOf(x)), { fill });
  },

  AveragePool(node: Node, emitter: Emitter): void {
    const geometry = averagePoolGeometry(node, emitter.shapeOf(node.inputs[0]));
    const reachesBehind = geometry.axes.some(
      (axis) => tapsPadded(axis, axis.outputSize - 1) < axis.kernel,
    );
    if (geometry.countIncludePad && reachesBehind) {
      fail(node, "a last window that reaches behind the padding cannot be written as TFLite");
    }
    pool(node, emitter, "AVERAGE_POOL_2D", geometry, { explicit: geometry.countIncludePad });
  },

  GlobalAveragePool(node: Node, emitter: Emitter): void {
    checkImage(node, emitter);
    const x = emitter.tensorOf(node.inputs[0], "image");
    const y = emitter.define(node.outputs[0], "image");
    emitter.add("MEAN", [x, emitter.ints([1, 2])], y, { kind: "ReducerOptions", keepDims: 1 });
  },

  GlobalMaxPool(node: Node, emitter: Emitter): void {
    checkImage(node, emitter);
    const [, , height, width] = emitter.shapeOf(node.inputs[0]);
    const x = emitter.tensorOf(node.inputs[0], "image");
    const y = emitter.define(node.outputs[0], "image");
    const window = { strideH: 1, strideW: 1, filterHeight: height, filterWidth: width };
    const options = { kind: "Pool2DOptions", padding: paddings.valid, ...window } as const;
    emitter.add("MAX_POOL_2D", [x], y, options);
  },
};

function checkImage(node: Node, emitter: Emitter): void {
  const shape = emitter.shapeOf(node.inputs[0]);
  if (shape.length !== 4) fail(node, `only of an image can it be written as TFLite, not of [${shape}]`);
}

function pool(
  node: Node,
  emitter: Emitter,
  operator: "MAX_POOL_2D" | "AVERAGE_POOL_2D",
  { axes }: PoolGeometry,
  paddingOptions: { fill?: number; explicit?: boolean },
): void {
  if (axes.length !== 2 || axes.some(({ dilation }) => dilation !== 1)) {
    fail(node, "only pooling of images without dilation can be written as TFLite");
  }
  const source = emitter.tensorOf(node.inputs[0], "image");
  const { input, padding } = padded(emitter, source, axes, paddingOptions);
  if (operator === "AVERAGE_POOL_2D" && input !== source && !paddingOptions.explicit) {
    fail(node, "its padding, which the mean leaves out, cannot be written as TFLite");
  }
  const { activation, output } = emitter.fusionOf(node);
  const [ay, ax] = axes;
  emitter.add(operator, [input], emitter.define(output, "image"), {
    kind: "Pool2DOptions",
    padding,
    strideH: ay.stride,
    strideW: ax.stride,
    filterHeight: ay.kernel,
    filterWidth: ax.kernel,
    activation,
  });
}
