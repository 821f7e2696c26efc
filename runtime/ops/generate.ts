/** Tensors made of sizes and numbers: Shape, ConstantOfShape, Range. Where shapes are known they are constants: see plan.ts. */
import type { Tensor } from "../model/tensor.ts";
import { zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { constantInts, fail, given, input } from "./checks.ts";
import type { AttrSpec, InferInput, Operator } from "./operator.ts";

const shapeAttrs = {
  start: { type: "int", default: 0 },
  end: { type: "int" },
} as const satisfies Record<string, AttrSpec>;

/** The sizes of x, or those from `start` to `end`. */
export const Shape = {
  inputs: [1, 1],
  attrs: shapeAttrs,

  infer(node, inputs) {
    const { shape } = input(node, inputs, 0, "the input", ["float32", "int32", "uint8", "bool"]);
    const { start, end } = readAttrs(node, shapeAttrs);
    return [{ dtype: "int32", shape: [shape.slice(start, end).length] }];
  },

  reference(node, inputs, [output]) {
    const { start, end } = readAttrs(node, shapeAttrs);
    const y = zeros(output.shape, "int32");
    y.data.set(given(inputs, 0).shape.slice(start, end));
    return [y];
  },
} satisfies Operator;

/** `value`, by default 0, everywhere. */
export const ConstantOfShape = {
  inputs: [1, 1],
  attrs: { value: { type: "tensor" } },

  infer(node, inputs) {
    const shape = constantInts(node, inputs, 0, "the shape") ?? [];
    return [{ dtype: (node.attrs.value as Tensor)?.dtype ?? "float32", shape }];
  },

  reference(node, _inputs, [output]) {
    const y = zeros(output.shape, output.dtype);
    y.data.fill((node.attrs.value as Tensor)?.data[0] ?? 0);
    return [y];
  },
} satisfies Operator;

/** start, start + delta, … up to limit: all three constant scalars of one dtype. */
export const Range = {
  inputs: [3, 3],
  attrs: {},

  infer(node, inputs) {
    const [start, limit, delta] = inputs.map((value, i) => scalar(value) ?? fail(node, unknown(i)));
    const size = Math.max(0, Math.ceil((limit - start) / delta));
    return [{ dtype: inputs[0]!.dtype, shape: [size] }];
  },

  reference(_node, inputs, [output]) {
    const y = zeros(output.shape, output.dtype);
    const [start, , delta] = inputs.map((value) => value!.data[0]);
    for (let i = 0; i < y.data.length; i++) y.data[i] = start + i * delta;
    return [y];
  },
} satisfies Operator;

const scalar = (value: InferInput | undefined) => value?.value?.data[0];
const unknown = (i: number) =>
  `${["start", "limit", "delta"][i]} is computed while running; it must be a constant`;
