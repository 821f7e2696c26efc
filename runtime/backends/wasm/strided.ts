/** Calls of the four-dimensional loops of kernels-wasm/strided.ts, over operands of any layout. */
import {
  type Activation,
  type Elementwise,
  elementwise,
  type Inner,
  transpose,
} from "../../../kernels-wasm/index.ts";
import type { Shape } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { axisBytes } from "./layout.ts";
import { shapeOf } from "./plan-facts.ts";
import { splitForPool } from "./split.ts";
import type { Builder, Call, Placed } from "./step.ts";

export interface Operand {
  readonly address: number; // of element 0
  readonly bytes: readonly number[]; // to the next element along each axis; 0 repeats
}

/** out = clamp(activation(op(inputs))) over `sizes`. */
export interface Loop {
  readonly op: Elementwise;
  readonly sizes: Shape;
  readonly operands: readonly Operand[]; // the inputs, then the output
  readonly activation?: Activation;
  readonly lo?: number;
  readonly hi?: number;
}

/** out = clamp(op(inputs)) over `sizes`. The last operand is the output. */
export function strided(
  op: Elementwise,
  builder: Builder,
  sizes: Shape,
  operands: readonly Operand[],
): Call {
  return callOf({ op, sizes, operands }, builder);
}

/** The loops, which must not depend on one another, cut into pieces that threads may take. */
export function stridedPieces(loops: readonly Loop[], builder: Builder): Call[][] {
  const slices = loops
    .filter(({ sizes }) => sizes.every((size) => size > 0))
    .flatMap((loop) => {
      const axis = splitAxis(loop);
      const size = loop.sizes[axis] ?? 1;
      const unit = loop.operands.at(-1)!.bytes[axis] === 4 ? 32 : 1; // lanes, or rows
      const count = Math.ceil(size / unit);
      const cycles = (loop.sizes.reduce((a, b) => a * b, 1) / count) * cyclesPerElement(loop);
      return Array.from({ length: count }, (_, i) => ({ loop, axis, first: i * unit, unit, cycles }));
    });
  const cycles = slices.map((slice) => slice.cycles);
  const total = cycles.reduce((a, b) => a + b, 0);
  return splitForPool(cycles, builder.threads, total).map(([first, end]) => {
    const calls: Call[] = [];
    for (let i = first; i < end; ) {
      const { loop, axis, first: from } = slices[i];
      let to = from;
      for (; i < end && slices[i].loop === loop; i++) to = slices[i].first + slices[i].unit;
      calls.push(callOf(part(loop, axis, from, Math.min(to, loop.sizes[axis] ?? 1)), builder));
    }
    return calls;
  });
}

/** The longest axis of those whose elements lie apart in the output; the other one where there is no such. */
function splitAxis({ sizes, operands }: Loop): number {
  const { bytes } = operands[operands.length - 1];
  const cost = (axis: number) => (bytes[axis] === 4 ? 1 : 2 * sizes[axis]);
  return sizes.reduce((best, _, axis) => (cost(axis) > cost(best) ? axis : best), 0);
}

/** Indices [from, to) of one axis. */
function part(loop: Loop, axis: number, from: number, to: number): Loop {
  if (loop.sizes.length === 0) return loop;
  return {
    ...loop,
    sizes: loop.sizes.map((size, i) => (i === axis ? to - from : size)),
    operands: loop.operands.map(({ address, bytes }) => ({
      address: address + from * bytes[axis],
      bytes,
    })),
  };
}

function cyclesPerElement({ activation, op }: Loop): number {
  if (activation) return 3;
  return op === "copy" ? 0.5 : 0.7;
}

function callOf(loop: Loop, builder: Builder): Call {
  const { op, activation, lo = Number.NEGATIVE_INFINITY, hi = Number.POSITIVE_INFINITY } = loop;
  const addresses = loop.operands.map((operand) => operand.address);
  const { sizes: n, bytes } = collapse(
    loop.sizes,
    loop.operands.map((operand) => operand.bytes),
  );
  const isCopy =
    op === "copy" && !activation && lo === Number.NEGATIVE_INFINITY && hi === Number.POSITIVE_INFINITY;
  const [from, to] = bytes;
  if (isCopy && from[2] === 4 && from[3] !== 4 && to[3] === 4 && n[2] > 1) {
    const around = [n[0], n[1], from[0], from[1], to[0], to[1]];
    const [p, q] = [2, 3].map((d) => [n[d], from[d], to[d]]);
    // The inner loop leaps through the input (along q) or the output (along p): through the one whose stride
    // spreads over more sets of the cache.
    const loops = lowestBit(from[3]) < lowestBit(to[2]) ? [...p, ...q] : [...q, ...p];
    return {
      kernel: builder.kernel(transpose()),
      args: [...addresses, ...around, ...loops, from[3], to[2]],
    };
  }
  const inner = bytes.map((strides, i): Inner => {
    const isOutput = i === bytes.length - 1;
    if (strides[3] === 4 || (isOutput && n[3] === 1)) return "beside";
    return strides[3] === 0 ? "repeated" : "apart";
  });
  const kernel = builder.kernel(elementwise({ op, inner, activation, fma: builder.fma }));
  return { kernel, args: [...addresses, ...n, ...bytes.flat(), lo, hi] };
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
