/** What the operators check of their inputs, each failure a ModelError that names the node. */
import { ModelError, nodeName } from "../model/errors.ts";
import type { Node } from "../model/graph.ts";
import type { DType, Tensor } from "../model/tensor.ts";
import type { InferInput } from "./operator.ts";

/** Throws `Conv 'stem': …`. */
export function fail(node: Node, message: string): never {
  throw new ModelError(`${nodeName(node)}: ${message}`);
}

/** Input `index`, which must be of one of `dtypes`. `what` names it in the message: "the weight". */
export function input(
  node: Node,
  inputs: readonly (InferInput | undefined)[],
  index: number,
  what: string,
  dtypes: readonly DType[] = ["float32"],
): InferInput {
  const found = inputs[index];
  if (!found) fail(node, `${what} (input ${index}) is missing`);
  if (!dtypes.includes(found.dtype)) {
    fail(node, `${what} '${node.inputs[index]}' is ${found.dtype}; expected ${dtypes.join(" or ")}`);
  }
  return found;
}

/** Input `index` where it is given, which must be of one of `dtypes`. */
export function optionalInput(
  node: Node,
  inputs: readonly (InferInput | undefined)[],
  index: number,
  what: string,
  dtypes: readonly DType[] = ["float32"],
): InferInput | undefined {
  return inputs[index] && input(node, inputs, index, what, dtypes);
}

/** The whole numbers in input `index`, a constant int32 vector. Undefined where the input is left out. */
export function constantInts(
  node: Node,
  inputs: readonly (InferInput | undefined)[],
  index: number,
  what: string,
): readonly number[] | undefined {
  const found = optionalInput(node, inputs, index, what, ["int32"]);
  if (!found) return undefined;
  if (!found.value) {
    fail(node, `${what} '${node.inputs[index]}' is computed while running; it must be a constant`);
  }
  if (found.shape.length > 1) fail(node, `${what} has shape [${found.shape}]; expected a vector`);
  return Array.from(found.value.data);
}

/** The value of input `index`, a constant float32 scalar. Undefined where the input is left out. */
export function constantScalar(
  node: Node,
  inputs: readonly (InferInput | undefined)[],
  index: number,
  what: string,
): number | undefined {
  const found = optionalInput(node, inputs, index, what);
  if (!found) return undefined;
  if (!found.value) {
    fail(node, `${what} '${node.inputs[index]}' is computed while running; it must be a constant`);
  }
  if (found.value.data.length !== 1) fail(node, `${what} has shape [${found.shape}]; expected a scalar`);
  return found.value.data[0];
}

/** `axis` counted from the front, of `rank` axes; `rank` itself is allowed where `end` is set. */
export function normalAxis(node: Node, axis: number, rank: number, end = false): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (normal < 0 || normal > (end ? rank : rank - 1)) {
    fail(node, `axis ${axis} does not fit an input of ${rank} dimensions`);
  }
  return normal;
}

/** `axes` counted from the front, ascending. Throws on one that is out of range or given twice. */
export function normalAxes(node: Node, axes: readonly number[], rank: number): number[] {
  const normal = axes.map((axis) => normalAxis(node, axis, rank)).sort((a, b) => a - b);
  if (new Set(normal).size !== normal.length) fail(node, `axes [${axes}] name one dimension twice`);
  return normal;
}

/** The tensor that `infer` has promised to be there: for `reference`. */
export function given(inputs: readonly (Tensor | undefined)[], index: number): Tensor {
  return inputs[index] as Tensor;
}
