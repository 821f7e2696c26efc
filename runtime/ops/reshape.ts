/** Identity, Flatten, Reshape, Squeeze, Unsqueeze: the same values in the same order under another shape. */
import type { Node } from "../model/graph.ts";
import { dtypes, type Shape, type Tensor } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { constantInts, fail, given, input, normalAxes, normalAxis } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

export const Identity = {
  inputs: [1, 1],
  attrs: {},
  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  reference: sameData,
} satisfies Operator;

const flattenAttrs = { axis: { type: "int", default: 1 } } as const satisfies Record<string, AttrSpec>;

/** [the product of the sizes before axis, the product of the others]. */
export const Flatten = {
  inputs: [1, 1],
  attrs: flattenAttrs,
  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const axis = normalAxis(node, readAttrs(node, flattenAttrs).axis, x.shape.length, true);
    return [{ dtype: x.dtype, shape: [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))] }];
  },
  reference: sameData,
} satisfies Operator;

const reshapeAttrs = { allowzero: { type: "int", default: 0 } } as const satisfies Record<
  string,
  AttrSpec
>;

/** Inputs x and shape, a constant: -1 stands for what is left over, 0 for x's size at that place (unless allowzero). */
export const Reshape = {
  inputs: [2, 2],
  attrs: reshapeAttrs,
  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const { allowzero } = readAttrs(node, reshapeAttrs);
    const asked = constantInts(node, inputs, 1, "the shape");
    if (!asked) fail(node, "the shape (input 1) is missing");
    const shape = asked.map((dim, axis) => (dim === 0 && !allowzero ? x.shape[axis] : dim));
    const size = product(x.shape);
    const open = shape.indexOf(-1);
    if (open >= 0) shape[open] = size / product(shape.filter((_, axis) => axis !== open));
    if (product(shape) !== size || !shape.every((dim) => dim >= 0 && Number.isInteger(dim))) {
      fail(node, `${size} values of shape [${x.shape}] do not fit the shape [${asked}]`);
    }
    return [{ dtype: x.dtype, shape }];
  },
  reference: sameData,
} satisfies Operator;

/** Removes dimensions of size 1: those of input axes, or all. */
export const Squeeze = {
  inputs: [1, 2],
  attrs: {},
  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const asked = constantInts(node, inputs, 1, "axes");
    const axes = asked && normalAxes(node, asked, x.shape.length);
    const wrong = axes?.find((axis) => x.shape[axis] !== 1);
    if (wrong !== undefined) fail(node, `axis ${wrong} of [${x.shape}] is not of size 1`);
    const shape = x.shape.filter((dim, axis) => (axes ? !axes.includes(axis) : dim !== 1));
    return [{ dtype: x.dtype, shape }];
  },
  reference: sameData,
} satisfies Operator;

/** Inserts dimensions of size 1, so that they lie at input axes of the result. */
export const Unsqueeze = {
  inputs: [2, 2],
  attrs: {},
  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const asked = constantInts(node, inputs, 1, "axes");
    if (!asked) fail(node, "axes (input 1) is missing");
    const shape = [...x.shape];
    for (const axis of normalAxes(node, asked, x.shape.length + asked.length)) shape.splice(axis, 0, 1);
    return [{ dtype: x.dtype, shape }];
  },
  reference: sameData,
} satisfies Operator;

function sameData(
  _node: Node,
  inputs: readonly (Tensor | undefined)[],
  [output]: readonly { shape: Shape }[],
): Tensor[] {
  const x = given(inputs, 0);
  return [{ ...x, shape: output.shape, data: x.data.slice() } as Tensor];
}

function product(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}
