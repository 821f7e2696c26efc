/** The value of a Constant node, in any of the forms that ONNX gives it. */
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import type { Attr, Node } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";

export function constantOf(node: Node): Tensor {
  const [[form, value] = ["nothing", 0], ...more] = Object.entries(node.attrs);
  const read = Object.hasOwn(forms, form) ? forms[form](value) : undefined;
  if (!read || more.length > 0) {
    const found = Object.keys(node.attrs).join(", ") || "no attribute";
    throw new ModelError(
      `${nodeName(node)}: found ${found}; expected one of ${Object.keys(forms).join(", ")}`,
    );
  }
  return read;
}

const forms: Record<string, (value: Attr) => Tensor | undefined> = {
  value: (value) => (typeof value === "object" && "dtype" in value ? value : undefined),
  value_float: (value) => (isNumber(value) ? tensor([], Float32Array.of(value)) : undefined),
  value_floats: (value) =>
    isNumbers(value) ? tensor([value.length], Float32Array.from(value)) : undefined,
  value_int: (value) => (isNumber(value) ? tensor([], Int32Array.of(value), "int32") : undefined),
  value_ints: (value) =>
    isNumbers(value) ? tensor([value.length], Int32Array.from(value), "int32") : undefined,
};

function isNumber(value: Attr): value is number {
  return typeof value === "number";
}

function isNumbers(value: Attr): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number");
}
