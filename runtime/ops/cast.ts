/** Cast to the element type that ONNX gives the number `to`, as the dtype that holds it here. */
import { type DType, dtypes, zeros } from "../model/tensor.ts";
import { fail, given, input } from "./checks.ts";
import type { Operator } from "./operator.ts";

/** By ONNX's number: float16, bfloat16 and double are held as float32, all integers but uint8 as int32. */
export const dtypeOfCast: Readonly<Record<number, DType>> = {
  ...{ 1: "float32", 10: "float32", 11: "float32", 16: "float32", 2: "uint8", 9: "bool" },
  ...{ 3: "int32", 4: "int32", 5: "int32", 6: "int32", 7: "int32", 12: "int32", 13: "int32" },
};

export const Cast = {
  inputs: [1, 1],
  attrs: {
    to: { type: "int", required: true },
    saturate: { type: "int", default: 1 },
    round_mode: { type: "string", default: "up" },
  },

  infer(node, inputs) {
    const { shape } = input(node, inputs, 0, "the input", dtypes);
    const dtype = dtypeOfCast[node.attrs.to as number];
    if (!dtype) fail(node, `the element type ${node.attrs.to} is not supported`);
    return [{ dtype, shape }];
  },

  reference(_node, inputs, [{ dtype, shape }]) {
    const y = zeros(shape, dtype);
    given(inputs, 0).data.forEach((value, i) => {
      y.data[i] = dtype === "bool" ? +(value !== 0) : value; // storing it truncates
    });
    return [y];
  },
} satisfies Operator;
