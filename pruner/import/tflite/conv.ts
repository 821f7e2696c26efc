/** CONV_2D and DEPTHWISE_CONV_2D as Conv. */
import type { Tensor } from "../../../runtime/model/tensor.ts";
import { type FileNode, fail, imageAxes, optionsOf, type TfliteReader, transposed } from "./reader.ts";
import { padsOf } from "./window.ts";

export const convolutions = {
  CONV_2D(node: FileNode, reader: TfliteReader): void {
    const weight = weightOf(node, reader); // [outC, kH, kW, inC]
    const group = reader.shapeOf(node.inputs[0])[3] / weight.shape[3];
    conv(node, reader, transposed(weight, imageAxes), group, optionsOf(node, "Conv2DOptions"));
  },

  DEPTHWISE_CONV_2D(node: FileNode, reader: TfliteReader): void {
    const weight = weightOf(node, reader); // [1, kH, kW, outC]
    const group = reader.shapeOf(node.inputs[0])[3];
    const options = optionsOf(node, "DepthwiseConv2DOptions");
    conv(node, reader, transposed(weight, [3, 0, 1, 2]), group, options);
  },
};

function weightOf(node: FileNode, reader: TfliteReader): Tensor<"float32"> {
  const weight = node.inputs.length > 1 ? reader.constantOf(node.inputs[1]) : undefined;
  if (weight?.dtype !== "float32" || weight.shape.length !== 4) {
    fail(node, "its weight (input 1) must be a constant of four dimensions");
  }
  if (reader.shapeOf(node.inputs[0]).length !== 4) fail(node, "its input must have four dimensions");
  return weight as Tensor<"float32">;
}

function conv(
  node: FileNode,
  reader: TfliteReader,
  weight: Tensor<"float32">, // [outC, inC / group, kH, kW]
  group: number,
  options: {
    padding: number;
    strideH: number;
    strideW: number;
    dilationH: number;
    dilationW: number;
    activation: number;
  },
): void {
  if (!Number.isInteger(group)) fail(node, `the weight [${weight.shape}] does not fit the input`);
  const [x, , bias = -1] = node.inputs;
  const [, height, width] = reader.shapeOf(x);
  const [, , kH, kW] = weight.shape;
  const strides = [options.strideH, options.strideW] as const;
  const dilations = [options.dilationH, options.dilationW] as const;
  const window = { size: [height, width], kernel: [kH, kW], strides, dilations } as const;
  const pads = padsOf(node, options.padding, window);
  const inputs = [reader.valueOf(x, "image"), reader.addConstant(`${node.name}/weight`, weight)];
  if (bias >= 0) inputs.push(reader.valueOf(bias, "plain"));
  const attrs = { kernel_shape: [kH, kW], pads, strides, dilations, group };
  reader.make(node, "image", "Conv", inputs, attrs, options.activation);
}
