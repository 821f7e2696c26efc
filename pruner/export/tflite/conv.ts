/** Conv as CONV_2D or DEPTHWISE_CONV_2D. */
import type { Node } from "../../../runtime/model/graph.ts";
import { type Tensor, zeros } from "../../../runtime/model/tensor.ts";
import { fail } from "../../../runtime/ops/checks.ts";
import { convGeometry } from "../../../runtime/ops/conv.ts";
import { type Emitter, imageAxes, transposed } from "./emitter.ts";
import { unshared } from "./unshare.ts";
import { padded } from "./window.ts";

export function Conv(node: Node, emitter: Emitter): void {
  const [x, w, b] = node.inputs;
  const shape = emitter.shapeOf(x);
  const weight = emitter.constantOf(w) as Tensor<"float32"> | undefined;
  const bias = b ? emitter.constantOf(b) : zeros([emitter.shapeOf(w)[0]]);
  if (!weight || !bias) fail(node, "its weight and bias must be constants to be written as TFLite");
  const { group, axes } = convGeometry(node, shape, weight.shape);
  if (axes.length !== 2) fail(node, "only convolutions of images can be written as TFLite");
  const [outC, groupC] = weight.shape;
  const isDepthwise = group > 1 && groupC === 1;
  const source = emitter.tensorOf(x, "image");
  const { input, padding } = padded(emitter, source, axes, { explicit: emitter.sparse });
  const { activation, output } = emitter.fusionOf(node);
  const maybeSparse = emitter.sparse && group === 1 && weight.shape[2] * weight.shape[3] === 1;
  // [outC, inC, kH, kW] becomes [outC, kH, kW, inC], or [1, kH, kW, outC] where each channel has its own.
  const stored = maybeSparse ? unshared(weight) : weight;
  const inFile = transposed(stored, isDepthwise ? [1, 2, 3, 0] : imageAxes);
  const weightTensor =
    maybeSparse && isMostlyZero(weight) ? emitter.densified(inFile) : emitter.constant(inFile);
  const [ay, ax] = axes;
  const options = {
    padding,
    strideH: ay.stride,
    strideW: ax.stride,
    dilationH: ay.dilation,
    dilationW: ax.dilation,
    activation,
  };
  emitter.add(
    isDepthwise ? "DEPTHWISE_CONV_2D" : "CONV_2D",
    [input, weightTensor, emitter.constant(bias)],
    emitter.define(output, "image"),
    isDepthwise
      ? { kind: "DepthwiseConv2DOptions", depthMultiplier: outC / group, ...options }
      : { kind: "Conv2DOptions", ...options },
  );
}

/** XNNPACK multiplies by a sparse weight where more than two thirds are zero. */
function isMostlyZero({ data }: Tensor<"float32">): boolean {
  const zeroCount = data.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
  return 3 * zeroCount > 2 * data.length;
}
