/**
 * Values taken from x, or put into it, at places that another input names.
 * - Gather: slices at indices of one axis. x [...before, dim, ...behind] -> [...before, ...indices' shape, ...behind].
 * - GatherElements: y[i][j] = x[index[i][j]][j] (axis 0). ScatterElements: the other way round, into a copy of x.
 * - GatherND: slices at places given by the last dimension of indices. ScatterND: the other way round.
 */
import type { Node } from "../model/graph.ts";
import { dtypes, type Shape, sizeOf, stridesOf, type Tensor, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { stridedOffsets } from "./broadcast.ts";
import { fail, given, input, normalAxis } from "./checks.ts";
import type { AttrSpec, InferInput, Operator } from "./operator.ts";

const attrs = { axis: { type: "int", default: 0 } } as const satisfies Record<string, AttrSpec>;
const reduction = { type: "string", default: "none" } as const;

export const Gather = {
  inputs: [2, 2],
  attrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const { shape, value } = input(node, inputs, 1, "indices", ["int32"]);
    const axis = axisOf(node, x.shape);
    if (value) gathering(node, inputs);
    return [
      { dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...shape, ...x.shape.slice(axis + 1)] },
    ];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const { axis, indices } = gathering(
      node,
      inputs.map((value) => value && { dtype: value.dtype, shape: value.shape, value }),
    );
    const inner = sizeOf(x.shape.slice(axis + 1));
    const outer = sizeOf(x.shape.slice(0, axis));
    const y = zeros(output.shape, output.dtype);
    for (let o = 0, at = 0; o < outer; o++) {
      for (const index of indices) {
        const from = (o * x.shape[axis] + index) * inner;
        y.data.set(x.data.subarray(from, from + inner), at);
        at += inner;
      }
    }
    return [y];
  },
} satisfies Operator;

export interface Gathering {
  readonly axis: number;
  readonly indices: readonly number[]; // counted from the front
  readonly indicesShape: Shape;
}

/** What a Gather takes of its input, where the indices are known. */
export function gathering(node: Node, inputs: readonly (InferInput | undefined)[]): Gathering {
  const { shape } = inputs[0] as { shape: Shape };
  const axis = axisOf(node, shape);
  const { value, shape: indicesShape } = input(node, inputs, 1, "indices", ["int32"]);
  const indices = Array.from(value!.data, (index) => inside(node, index, shape, axis));
  return { axis, indices, indicesShape };
}

export const GatherElements = {
  inputs: [2, 2],
  attrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const { shape } = input(node, inputs, 1, "indices", ["int32"]);
    checkElements(node, x.shape, shape);
    return [{ dtype: x.dtype, shape }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const y = zeros(output.shape, output.dtype);
    elementPlaces(node, x.shape, given(inputs, 1)).forEach((at, i) => {
      y.data[i] = x.data[at];
    });
    return [y];
  },
} satisfies Operator;

export const ScatterElements = {
  inputs: [3, 3],
  attrs: { ...attrs, reduction },

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const { shape } = input(node, inputs, 1, "indices", ["int32"]);
    checkElements(node, x.shape, shape);
    checkUpdates(node, input(node, inputs, 2, "updates", [x.dtype]).shape, shape);
    return [{ dtype: x.dtype, shape: x.shape }];
  },

  reference(node, inputs) {
    const x = given(inputs, 0);
    return [scattered(node, x, elementPlaces(node, x.shape, given(inputs, 1)), given(inputs, 2), 1)];
  },
} satisfies Operator;

export const GatherND = {
  inputs: [2, 2],
  attrs: { batch_dims: { type: "int", default: 0 } },

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const { shape } = input(node, inputs, 1, "indices", ["int32"]);
    const batches = (node.attrs.batch_dims as number) ?? 0;
    const named = batches + (shape.at(-1) ?? 0);
    if (!shape.length || named > x.shape.length) fail(node, `[${shape}] does not index [${x.shape}]`);
    return [{ dtype: x.dtype, shape: [...shape.slice(0, -1), ...x.shape.slice(named)] }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const { places, run } = slicePlaces(node, x.shape, given(inputs, 1));
    const y = zeros(output.shape, output.dtype);
    places.forEach((at, i) => void y.data.set(x.data.subarray(at, at + run), i * run));
    return [y];
  },
} satisfies Operator;

export const ScatterND = {
  inputs: [3, 3],
  attrs: { reduction },

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    const { shape } = input(node, inputs, 1, "indices", ["int32"]);
    const updates = input(node, inputs, 2, "updates", [x.dtype]);
    checkUpdates(node, updates.shape, [...shape.slice(0, -1), ...x.shape.slice(shape.at(-1))]);
    return [{ dtype: x.dtype, shape: x.shape }];
  },

  reference(node, inputs) {
    const x = given(inputs, 0);
    const { places, run } = slicePlaces(node, x.shape, given(inputs, 1));
    return [scattered(node, x, places, given(inputs, 2), run)];
  },
} satisfies Operator;

function axisOf(node: Node, shape: Shape): number {
  return normalAxis(node, readAttrs(node, { ...attrs, reduction }).axis, shape.length);
}

/** The index counted from the front. */
function inside(node: Node, index: number, shape: Shape, axis: number): number {
  const normal = index < 0 ? index + shape[axis] : index;
  if (!(normal >= 0 && normal < shape[axis]))
    fail(node, `the index ${index} does not fit axis ${axis} of [${shape}]`);
  return normal;
}

function checkElements(node: Node, x: Shape, indices: Shape): void {
  const axis = axisOf(node, x);
  if (indices.length !== x.length || indices.some((dim, i) => i !== axis && dim > x[i]))
    fail(node, `the indices [${indices}] do not fit the input [${x}]`);
}

function checkUpdates(node: Node, found: Shape, expected: Shape): void {
  if (found.join() !== expected.join()) fail(node, `updates are [${found}]; expected [${expected}]`);
}

/** Where in x each element of `indices` points. */
function elementPlaces(node: Node, x: Shape, indices: Tensor): number[] {
  const axis = axisOf(node, x);
  const strides = stridesOf(x);
  const others = stridedOffsets(
    indices.shape,
    strides.map((stride, i) => (i === axis ? 0 : stride)),
  );
  return Array.from(others, (at, i) => at + inside(node, indices.data[i], x, axis) * strides[axis]);
}

/** Where in x each slice of `run` elements begins. */
function slicePlaces(node: Node, x: Shape, { shape, data }: Tensor): { places: number[]; run: number } {
  const batches = (node.attrs.batch_dims as number) ?? 0;
  const depth = shape[shape.length - 1];
  const strides = stridesOf(x);
  const perBatch = sizeOf(shape.slice(batches, -1));
  const places = Array.from({ length: sizeOf(shape.slice(0, -1)) }, (_, i) => {
    let at = batches ? Math.floor(i / perBatch) * strides[batches - 1] : 0;
    for (let d = 0; d < depth; d++)
      at += inside(node, data[i * depth + d], x, batches + d) * strides[batches + d];
    return at;
  });
  return { places, run: sizeOf(x.slice(batches + depth)) };
}

const reductions: Readonly<Record<string, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: Math.max,
  min: Math.min,
};

/** A copy of x with runs of updates put in their places. */
function scattered(node: Node, x: Tensor, places: readonly number[], updates: Tensor, run: number) {
  const merge = reductions[(node.attrs.reduction as string) ?? "none"];
  if (!merge) fail(node, `reduction "${node.attrs.reduction}" is not known`);
  const y = { ...x, data: x.data.slice() } as Tensor;
  places.forEach((at, i) => {
    for (let j = 0; j < run; j++) y.data[at + j] = merge(y.data[at + j], updates.data[i * run + j]);
  });
  return y;
}
