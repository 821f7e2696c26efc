/**
 * Gradients of operators that are a linear map along an axis, y = R x: dx = R^T dy. Resize weighs neighbours, Gather
 * picks places (so what is picked twice gets both gradients).
 */
import { fail } from "../../../runtime/ops/checks.ts";
import { gathering } from "../../../runtime/ops/gather.ts";
import { resampling } from "../../../runtime/ops/resize.ts";
import type { BackwardContext, GradientRule } from "./rule.ts";

export const Resize: GradientRule = {
  backward(c, dy) {
    const sizes = [...c.shape];
    let dx = dy;
    for (const [axis, resampled] of resampling(c.node, c.known).entries()) {
      if (!resampled) continue;
      const [outputs, inputs] = [c.shape[axis], c.shapes[0][axis]];
      const map = new Float32Array(inputs * outputs); // R^T
      for (const [o, { first, second, share }] of resampled.taps.entries()) {
        map[first * outputs + o] += 1 - share;
        map[second * outputs + o] += share;
      }
      dx = mapped(c, dx, sizes, axis, map, inputs);
      sizes[axis] = inputs;
    }
    return [dx];
  },
};

export const Gather: GradientRule = {
  backward(c, dy) {
    if (!c.known[1]?.value) fail(c.node, "cannot be trained with indices that are computed");
    const { axis, indices } = gathering(c.node, c.known);
    const inputs = c.shapes[0][axis];
    const map = new Float32Array(inputs * indices.length);
    for (const [o, index] of indices.entries()) map[index * indices.length + o] = 1;
    // The axes of the indices as one: none of a scalar, several of a matrix.
    const sizes = c.shapes[0].map((size, i) => (i === axis ? indices.length : size));
    return [mapped(c, dy, sizes, axis, map, inputs)];
  },
};

/** `map` [results, sizes[axis]] applied along one axis of x, which has these sizes. */
export function mapped(
  c: BackwardContext,
  x: string,
  sizes: readonly number[],
  axis: number,
  map: Float32Array,
  results: number,
): string {
  const [before, after] = [sizes.slice(0, axis), sizes.slice(axis + 1)];
  const product = (values: readonly number[]) => values.reduce((a, b) => a * b, 1);
  const flat = c.emit("Reshape", [x, c.ints([product(before), sizes[axis], product(after)])]);
  const made = c.emit("MatMul", [c.floats([results, sizes[axis]], map), flat]);
  return c.emit("Reshape", [made, c.ints([...before, results, ...after])]);
}
