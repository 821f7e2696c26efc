/** A plan bound to memory: tables and weights as data, kernels as functions, the run as phases of calls. */
import { clear, type Func } from "../../../kernels-wasm/index.ts";
import { decodeWeight } from "../../model/sparse/index.ts";
import { sizeOf, stridesOf, type Tensor } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { bindingOf } from "./bindings.ts";
import { formChains } from "./chains.ts";
import { control } from "./control.ts";
import { copyPieces, packedRows, type Walked } from "./copy.ts";
import { fuse } from "./fuse.ts";
import { fuseAttention } from "./fuse-attention.ts";
import { axisBytes, type Layout, pixelAt } from "./layout.ts";
import { place } from "./place.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Builder, Call, Phase, Placed } from "./step.ts";
import type { PhasePieces } from "./threads.ts";
import type { Tuner } from "./tune.ts";

export interface Bound {
  readonly phases: readonly Phase[];
  readonly pieces: readonly PhasePieces[]; // of each phase, for the threads
  readonly functions: readonly Func[];
  readonly data: readonly { readonly address: number; readonly values: Int32Array | Float32Array }[];
  readonly staging: ReadonlyMap<string, number>; // address of each graph input and output, row-major
  readonly bytes: number; // of memory
}

export interface BindOptions {
  readonly threads: number;
  readonly fma: boolean;
  readonly tuner: Tuner;
}

export function bind(original: ExecutionPlan, { tuner, ...options }: BindOptions): Bound {
  const places = place(original, formChains(fuseAttention(original, fuse(original)), original), {
    base: control.bytes,
    threads: options.threads,
  });
  const { plan, steps } = places;
  const functions = new Map<string, Func>();
  const data: { address: number; values: Int32Array | Float32Array }[] = [];
  const constants = new Map<string, Placed>();
  let end = control.bytes + places.bytes;

  const base: Omit<Builder, "scratch" | "choose"> = {
    plan,
    ...options,
    value(name) {
      const value = places.values.get(name) ?? constants.get(name);
      if (value) return value;
      const layout = places.kinds.constantLayout(name);
      const placed = { ...layout, address: base.data(layOut(base.constant(name)!, layout)) };
      constants.set(name, placed);
      return placed;
    },
    constant(name) {
      const constant = plan.graph.constants.get(name);
      return constant && decodeWeight(constant);
    },
    data(values) {
      const address = Math.ceil(end / 16) * 16;
      data.push({ address, values });
      end = address + values.byteLength;
      return address;
    },
    kernel(func) {
      functions.set(func.name, func);
      return func.name;
    },
  };

  const phases: Phase[] = [];
  const layoutPhase = (pieces: readonly (readonly Call[])[], label: string): Phase => ({
    label,
    kernel: [...new Set(pieces.flat().map((call) => call.kernel))].join(" "),
    detail: "layout",
    flops: 0,
    calls: pieces,
  });
  /** The phases that make a value, with what they leave of its buffer set to zero. */
  const withClearing = (value: Placed, isWhole: boolean | undefined, phases: readonly Phase[]) => {
    const [first, ...others] = phases;
    if (isWhole) return [withCleared(clearBorder(value, base), first), ...others];
    const clearing = clearPadding(value, base);
    if (value.stride === value.c || first.calls.length === 1)
      return [withCleared(clearing, first), ...others];
    // Clearing all of the buffer must be over before any piece writes.
    return [layoutPhase([clearing], first.label), ...phases];
  };
  const rowMajor = (name: string): Walked => {
    const shape = shapeOf(plan, name);
    return { ...packedRows(shape), address: places.staging.get(name)! };
  };
  const builderOf = (i: number): Builder => ({
    ...base,
    scratch: places.scratch[i],
    choose(step, candidates, sample) {
      return tuner.choose(step, candidates, sample, this, end);
    },
  });

  for (const { name } of plan.graph.inputs) {
    const value = base.value(name);
    const copies = copyPieces(rowMajor(name), value, builderOf(0));
    phases.push(...withClearing(value, false, [layoutPhase(copies, `input '${name}'`)]));
  }
  steps.forEach((step, i) => {
    const binding = bindingOf(step.node.op)!;
    const out = base.value(step.output);
    const { wholeLanes } = binding;
    const isWhole = typeof wholeLanes === "function" ? wholeLanes(step, base) : wholeLanes;
    phases.push(...withClearing(out, isWhole, binding.bind(step, builderOf(i))));
  });
  for (const { name } of plan.graph.outputs) {
    if (plan.graph.inputs.some((input) => input.name === name)) continue;
    const value = base.value(name);
    if (value.address + value.origin === places.staging.get(name)) continue; // it lies there: see outputs.ts
    phases.push(layoutPhase(copyPieces(value, rowMajor(name), builderOf(0)), `output '${name}'`));
  }
  const pieces = phases.map(({ calls }): PhasePieces => {
    const pieces = calls.filter((piece) => piece.length > 0);
    return { pieces, words: pieces.length > 1 ? base.data(new Int32Array(2)) : -1 };
  });
  return {
    phases,
    pieces,
    functions: [...functions.values()],
    data,
    staging: places.staging,
    bytes: end + 16, // vectors read up to 12 bytes behind the last value
  };
}

/** The first piece clears the output's border before its share of the step: nobody else touches those bytes. */
function withCleared(clearing: readonly Call[], phase: Phase): Phase {
  if (clearing.length === 0) return phase;
  return {
    ...phase,
    calls: phase.calls.map((calls, piece) => (piece === 0 ? [...clearing, ...calls] : calls)),
  };
}

/** The border of a value: rows above, the gaps beside each row, rows below. */
function clearBorder(value: Placed, builder: Pick<Builder, "kernel">): Call[] {
  if (value.buffer) return clearLanes(value.buffer, builder);
  const { border, h, n, w, rowBytes, imageBytes, pixelBytes, address } = value;
  if (border.top + border.bottom + border.side === 0) return [];
  const kernel = builder.kernel(clear());
  const side = border.side * pixelBytes;
  const calls: Call[] = [];
  for (let image = 0; image < n; image++) {
    const start = address + image * imageBytes;
    const first = start + border.top * rowBytes; // the gap left of row 0
    // Gap i lies between row i - 1 and row i; the last one belongs to what is below.
    calls.push({ kernel, args: [start, first - start + side, 0, 1] });
    if (side && h > 1)
      calls.push({ kernel, args: [first + side + w * pixelBytes, side, rowBytes, h - 1] });
    const below = first + side + w * pixelBytes + (h - 1) * rowBytes;
    calls.push({ kernel, args: [below, start + imageBytes - below, 0, 1] });
  }
  return calls;
}

/** For a value that is written channel by channel: all else in its buffer must be zero. */
function clearPadding(value: Placed, builder: Pick<Builder, "kernel">): Call[] {
  return clearLanes(value.buffer ?? value, builder);
}

/** What is not an element of a buffer: the border, and the lanes behind the last channel. */
function clearLanes(buffer: Placed, builder: Pick<Builder, "kernel">): Call[] {
  const { n, h, w, c, stride, kind, pixelBytes, imageBytes, address } = buffer;
  const calls = clearBorder(buffer, builder);
  if (stride === c) return calls;
  const kernel = builder.kernel(clear());
  if (kind === "rows") {
    const lanes = address + buffer.origin + c * 4;
    return [{ kernel, args: [lanes, (stride - c) * 4, imageBytes, n] }];
  }
  for (let image = 0; image < n * h; image++) {
    const at = address + pixelAt(buffer, Math.floor(image / h), image % h, 0) + c * 4;
    calls.push({ kernel, args: [at, (stride - c) * 4, pixelBytes, w] });
  }
  return calls;
}

/** A constant as an activation: rows or an image, channels last, padded with zeros. */
function layOut(constant: Tensor<"float32">, layout: Layout): Float32Array {
  const values = new Float32Array(layout.bytes / 4);
  const strides = stridesOf(constant.shape);
  const bytes = axisBytes(layout);
  for (let i = 0; i < sizeOf(constant.shape); i++) {
    const at = strides.reduce((sum, stride, axis) => {
      return sum + (Math.floor(i / stride) % constant.shape[axis]) * bytes[axis];
    }, layout.origin);
    values[at / 4] = constant.data[i];
  }
  return values;
}
