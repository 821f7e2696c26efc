/** TRANSPOSE_CONV as ONNX's ConvTranspose, which is rewritten as a Conv as in an ONNX file. */
import type { Tensor } from "../../../runtime/model/tensor.ts";
import { space } from "../rewrite/space.ts";
import type { Rewriting } from "../rewrite/writer.ts";
import { type FileNode, fail, imageAxes, optionsOf, type TfliteReader, transposed } from "./reader.ts";
import { paddings } from "./schema.ts";

export const transposedConvolutions = {
  /** Inputs: the output's shape, weight [outC, kH, kW, inC], x, bias. */
  TRANSPOSE_CONV(node: FileNode, reader: TfliteReader): void {
    const { padding, strideH, strideW, activation } = optionsOf(node, "TransposeConvOptions");
    const [, w = -1, x, bias = -1] = node.inputs;
    const weight = w < 0 ? undefined : reader.constantOf(w);
    const shape = reader.shapeOf(x ?? -1);
    if (weight?.dtype !== "float32" || weight.shape.length !== 4 || shape.length !== 4) {
      fail(node, "its weight (input 1) must be a constant of four dimensions, its input an image");
    }
    const turned = transposed(weight as Tensor<"float32">, [3, 0, 1, 2]); // ONNX's [inC, outC, kH, kW]
    const outShape = reader.shapeOf(node.outputs[0]);
    if (outShape.length !== 4) fail(node, `its output [${outShape}] is no image`);
    const strides = [strideH, strideW];
    const kernel = turned.shape.slice(2);
    // As the convolution is padded that goes from the output to the input.
    const totals = strides.map((stride, axis) => {
      return Math.max(0, (shape[axis + 1] - 1) * stride + kernel[axis] - outShape[axis + 1]);
    });
    if (padding === paddings.valid && totals.some((total) => total > 0))
      fail(node, `its output [${outShape}] is smaller than a VALID padding makes it`);
    const begin = totals.map((total) => Math.floor(total / 2));
    const end = totals.map((total) => Math.ceil(total / 2));
    const output_padding = strides.map((stride, axis) => {
      return outShape[axis + 1] - ((shape[axis + 1] - 1) * stride + kernel[axis] - totals[axis]);
    });

    const value = reader.valueOf(x, "image");
    const constants = new Map<string, Tensor>([["weight", turned]]);
    const shift = bias < 0 ? undefined : reader.constantOf(bias);
    if (bias >= 0 && !shift) fail(node, "its bias (input 3) must be a constant");
    if (shift) constants.set("bias", shift);
    const dims = new Map([...constants].map(([name, { shape }]) => [name, shape]));
    const rewriting: Rewriting = {
      opset: 17,
      quantized: new Map(),
      isRead: () => true,
      elementType: () => undefined,
      dtype: () => "float32",
      constant: (name) => constants.get(name),
      dims: (name) => (name === value ? imageAxes.map((axis) => shape[axis]) : dims.get(name)),
      freshName: reader.freshName,
      addConstant: reader.addConstant,
    };
    const deconvolved = reader.freshName(`${node.name}/deconvolved`);
    const made = space.ConvTranspose(
      {
        name: deconvolved,
        op: "ConvTranspose",
        inputs: [value, ...constants.keys()],
        outputs: [deconvolved],
        attrs: { strides, pads: [...begin, ...end], output_padding },
      },
      rewriting,
    );
    reader.addNodes([made].flat());
    reader.make(node, "image", "Identity", [deconvolved], {}, activation);
  },
};
