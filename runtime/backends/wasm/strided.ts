/** Calls of the four-dimensional loops of kernels-wasm/strided.ts, over operands of any layout. */
import {
  type Activation,
  type Elementwise,
  elementwise,
  type Inner,
  interleave,
  transpose,
} from "../../../kernels-wasm/index.ts";
import type { Shape } from "../../model/tensor.ts";
import { axisBytes } from "./layout.ts";
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

/** The calls that make the loop, one after the other. */
export function stridedCalls(loop: Loop, builder: Builder): Call[] {
  if (loop.sizes.includes(0)) return [];
  return atMostFour(loop).map((part) => callOf(part, builder));
}

/** The loops, which must not depend on one another, cut into pieces that threads may take. */
export function stridedPieces(loops: readonly Loop[], builder: Builder): Call[][] {
  const slices = loops
    .filter(({ sizes }) => !sizes.includes(0))
    .flatMap(atMostFour)
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
  const merged = merge(loop);
  const missing = new Array<number>(4 - merged.sizes.length);
  const n = [...missing.fill(1), ...merged.sizes];
  const bytes = merged.operands.map((operand) => [...missing.fill(0), ...operand.bytes]);
  const addresses = loop.operands.map((operand) => operand.address);
  const isCopy =
    op === "copy" && !activation && lo === Number.NEGATIVE_INFINITY && hi === Number.POSITIVE_INFINITY;
  const [from, to] = bytes;
  if (isCopy && from[2] === 4 && from[3] !== 4 && to[3] === 4 && n[2] > 1) {
    if (n[3] === 3 && to[2] === 12 && n[0] === 1) {
      const kernel = builder.kernel(interleave());
      return { kernel, args: [...addresses, n[1], n[2], from[1], to[1], from[3]] };
    }
    return transposeCall(addresses, n, from, to, builder);
  }
  const inner = bytes.map((strides, i): Inner => {
    const isOutput = i === bytes.length - 1;
    if (strides[3] === 4 || (isOutput && n[3] === 1)) return "beside";
    return strides[3] === 0 ? "repeated" : "apart";
  });
  const kernel = builder.kernel(elementwise({ op, inner, activation, fma: builder.fma }));
  return { kernel, args: [...addresses, ...n, ...bytes.flat(), lo, hi] };
}

/** Of the last two dimensions, the first lies together in the input, the second in the output. */
function transposeCall(
  addresses: readonly number[],
  n: readonly number[],
  from: readonly number[],
  to: readonly number[],
  builder: Builder,
): Call {
  const kernel = builder.kernel(transpose());
  const [p, q] = [2, 3].map((d) => [n[d], from[d], to[d]]);
  const call = (around: readonly number[], loops: readonly (readonly number[])[]): Call => ({
    kernel,
    args: [
      ...addresses,
      n[0],
      around[0],
      from[0],
      around[1],
      to[0],
      around[2],
      ...loops.flat(),
      from[3],
      to[2],
    ],
  });
  // Pixels whose channels lie together on one side, and in planes on the other: so many at a time that they stay
  // in the L1 cache while one plane after the other is walked.
  const [pixels, planes] = from[3] < to[2] ? [q, p] : [p, q];
  const [size, fromStep, toStep] = pixels;
  const block = divisorNear(size, blockBytes / Math.min(from[3], to[2]));
  if (n[1] === 1 && block < size)
    return call([size / block, block * fromStep, block * toStep], [planes, [block, fromStep, toStep]]);
  // The inner loop leaps through the input (along q) or the output (along p): through the one whose stride
  // spreads over more sets of the cache.
  return call([n[1], from[1], to[1]], lowestBit(from[3]) < lowestBit(to[2]) ? [p, q] : [q, p]);
}

const blockBytes = 12 * 1024;

/** A divisor of `size` between half of `wanted` and its double, a multiple of 4; `size` itself where there is none. */
function divisorNear(size: number, wanted: number): number {
  for (let divisor = 4 * Math.floor(wanted / 2); divisor >= Math.max(4, wanted / 2); divisor -= 4) {
    if (size % divisor === 0) return divisor;
  }
  return size;
}

const lowestBit = (n: number): number => n & -n;

/** All of a value, as an operand of a loop over its shape. */
export function whole(value: Placed): { address: number; bytes: number[] } {
  return { address: value.address + value.origin, bytes: axisBytes(value) };
}

/** Loops of four dimensions at most that make `loop` together: its shortest dimensions are counted here. */
function atMostFour(loop: Loop): Loop[] {
  const merged = merge(loop);
  const { sizes } = merged;
  if (sizes.length <= 4) return [loop];
  const outer = sizes.slice(0, -2).map((_, axis) => axis);
  const counted = outer.sort((a, b) => sizes[a] - sizes[b]).slice(0, sizes.length - 4);
  return counted.reduce(
    (loops, axis) =>
      loops.flatMap((each) => Array.from({ length: sizes[axis] }, (_, i) => part(each, axis, i, i + 1))),
    [merged],
  );
}

/**
 * Drops dimensions of size 1, orders the rest by the output's stride and joins neighbours that lie as one. Rows of a
 * cache line or more that are copied one by one are read in the order in which they lie: stores wait for nobody.
 */
function merge<T extends Pick<Loop, "op" | "sizes" | "operands">>(loop: T): T {
  const strides = loop.operands.map((operand) => operand.bytes);
  const [from, out] = [strides[0], strides[strides.length - 1]];
  const axes = loop.sizes.map((_, axis) => axis).filter((axis) => loop.sizes[axis] !== 1);
  const areRows = axes.some((axis) => from[axis] === 4 && out[axis] === 4 && loop.sizes[axis] >= 16);
  const order = loop.op === "copy" && areRows && !from.includes(0) ? from : out;
  axes.sort((a, b) => order[b] - order[a]);
  const sizes: number[] = [];
  const bytes = strides.map(() => [] as number[]);
  for (const axis of axes.reverse()) {
    const inner = sizes[0];
    const joins = inner !== undefined && strides.every((own, i) => own[axis] === inner * bytes[i][0]);
    if (joins) sizes[0] *= loop.sizes[axis];
    else {
      sizes.unshift(loop.sizes[axis]);
      for (const [i, own] of strides.entries()) bytes[i].unshift(own[axis]);
    }
  }
  const operands = loop.operands.map(({ address }, i) => ({ address, bytes: bytes[i] }));
  return { ...loop, sizes, operands };
}
