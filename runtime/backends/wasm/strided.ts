/** Calls of the four-dimensional loops of kernels-wasm/strided.ts, over operands of any layout. */
import { type Elementwise, elementwise, transpose } from "../../../kernels-wasm/index.ts";
import type { Shape } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { axisBytes } from "./layout.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Builder, Call, Placed } from "./step.ts";

export interface Operand {
  readonly address: number; // of element 0
  readonly bytes: readonly number[]; // to the next element along each axis; 0 repeats
}

/** out = clamp(op(inputs)) over `sizes`. The last operand is the output. */
export function strided(
  op: Elementwise,
  builder: Builder,
  sizes: Shape,
  operands: readonly Operand[],
  lo = Number.NEGATIVE_INFINITY,
  hi = Number.POSITIVE_INFINITY,
): Call {
  const { sizes: n, bytes } = collapse(
    sizes,
    operands.map((operand) => operand.bytes),
  );
  const isCopy = op === "copy" && lo === Number.NEGATIVE_INFINITY && hi === Number.POSITIVE_INFINITY;
  const [from, to] = bytes;
  if (isCopy && from[2] === 4 && from[3] !== 4 && to[3] === 4 && n[2] > 1) {
    const around = [n[0], n[1], from[0], from[1], to[0], to[1]];
    const [p, q] = [2, 3].map((d) => [n[d], from[d], to[d]]);
    // The inner loop leaps through the input (along q) or the output (along p): through the one whose stride
    // spreads over more sets of the cache.
    const loops = lowestBit(from[3]) < lowestBit(to[2]) ? [...p, ...q] : [...q, ...p];
    const addresses = operands.map((operand) => operand.address);
    return {
      kernel: builder.kernel(transpose()),
      args: [...addresses, ...around, ...loops, from[3], to[2]],
    };
  }
  return {
    kernel: builder.kernel(elementwise(op)),
    args: [...operands.map((operand) => operand.address), ...n, ...bytes.flat(), lo, hi],
  };
}

const lowestBit = (n: number): number => n & -n;

/** All of a value, as an operand of a loop over its shape. */
export function whole(value: Placed): { address: number; bytes: number[] } {
  return { address: value.address + value.origin, bytes: axisBytes(value) };
}

/** Why a value cannot be walked by four loops, or undefined. */
export function tooDeep(plan: ExecutionPlan, name: string): string | undefined {
  const shape = shapeOf(plan, name);
  return shape.filter((size) => size !== 1).length > 4
    ? `'${name}' [${shape}] has more than 4 dimensions`
    : undefined;
}

/** How many dimensions the loops need: an operator that needs more than 4 is not supported. */
export function dimensionsOf(sizes: Shape, bytes: readonly (readonly number[])[]): number {
  return merge(sizes, bytes).sizes.length;
}

/** Exactly four dimensions, widest stride of the output first. */
function collapse(sizes: Shape, bytes: readonly (readonly number[])[]) {
  const merged = merge(sizes, bytes);
  if (merged.sizes.length > 4) throw new Error(`${merged.sizes.length} dimensions do not merge into 4`);
  const missing = 4 - merged.sizes.length;
  const ones = new Array<number>(missing).fill(1);
  const noStride = new Array<number>(missing).fill(0);
  return {
    sizes: [...ones, ...merged.sizes],
    bytes: merged.bytes.map((strides) => [...noStride, ...strides]),
  };
}

/** Drops dimensions of size 1, orders the rest by the output's stride and joins neighbours that lie as one. */
function merge(sizes: Shape, bytes: readonly (readonly number[])[]) {
  const out = bytes[bytes.length - 1];
  const axes = sizes.map((_, axis) => axis).filter((axis) => sizes[axis] !== 1);
  axes.sort((a, b) => out[b] - out[a]);
  const merged = { sizes: [] as number[], bytes: bytes.map(() => [] as number[]) };
  for (const axis of axes.reverse()) {
    const inner = merged.sizes[0];
    const joins =
      inner !== undefined && bytes.every((strides, i) => strides[axis] === inner * merged.bytes[i][0]);
    if (joins) merged.sizes[0] *= sizes[axis];
    else {
      merged.sizes.unshift(sizes[axis]);
      for (const [i, strides] of bytes.entries()) merged.bytes[i].unshift(strides[axis]);
    }
  }
  return merged;
}
