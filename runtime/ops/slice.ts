/** Slice: every `step`th value from `start` up to `end`, along some axes. Inputs x, starts, ends, axes, steps: all but x constants. */
import type { Node } from "../model/graph.ts";
import { dtypes, type Shape, stridesOf, zeros } from "../model/tensor.ts";
import { stridedOffsets } from "./broadcast.ts";
import { constantInts, fail, given, input, normalAxis } from "./checks.ts";
import type { InferInput, Operator } from "./operator.ts";

export const Slice = {
  inputs: [3, 5],
  attrs: {},

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input", dtypes);
    return [{ dtype: x.dtype, shape: sliceRanges(node, inputs).map(({ size }) => size) }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const ranges = sliceRanges(
      node,
      inputs.map((value) => value && { dtype: value.dtype, shape: value.shape, value }),
    );
    const strides = stridesOf(x.shape);
    const start = ranges.reduce((sum, range, axis) => sum + range.start * strides[axis], 0);
    const offsets = stridedOffsets(
      output.shape,
      ranges.map((range, axis) => range.step * strides[axis]),
    );
    const y = zeros(output.shape, output.dtype);
    for (let i = 0; i < offsets.length; i++) y.data[i] = x.data[start + offsets[i]];
    return [y];
  },
} satisfies Operator;

/** Index i of the result is index start + i * step of x. */
export interface SliceRange {
  readonly start: number;
  readonly step: number; // negative: backwards
  readonly size: number;
}

/** What a Slice takes of each dimension of x. */
export function sliceRanges(node: Node, inputs: readonly (InferInput | undefined)[]): SliceRange[] {
  const { shape } = inputs[0] as { shape: Shape };
  const starts = constantInts(node, inputs, 1, "starts");
  const ends = constantInts(node, inputs, 2, "ends");
  if (!starts || !ends) fail(node, "starts (input 1) or ends (input 2) is missing");
  const axes = constantInts(node, inputs, 3, "axes") ?? starts.map((_, i) => i);
  const steps = constantInts(node, inputs, 4, "steps") ?? starts.map(() => 1);
  if ([ends, axes, steps].some(({ length }) => length !== starts.length)) {
    fail(node, `starts [${starts}], ends [${ends}], axes [${axes}], steps [${steps}] differ in length`);
  }
  const ranges: SliceRange[] = shape.map((size) => ({ start: 0, step: 1, size }));
  axes.forEach((axis, i) => {
    const at = normalAxis(node, axis, shape.length);
    const step = steps[i];
    if (step === 0) fail(node, `steps [${steps}] holds a 0`);
    const dim = shape[at];
    // Counted from the front, then clamped to where a step in this direction can start and must end.
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
    const clamp = (value: number) => Math.min(Math.max(value < 0 ? value + dim : value, low), high);
    const start = step < 0 ? Math.max(0, clamp(starts[i])) : clamp(starts[i]);
    const size = dim === 0 ? 0 : Math.max(0, Math.ceil((clamp(ends[i]) - start) / step));
    ranges[at] = { start, step, size };
  });
  return ranges;
}
