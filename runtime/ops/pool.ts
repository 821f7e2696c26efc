/**
 * MaxPool and AveragePool: the largest or the mean value of each window. x [N, C, (H,) W]. A second output of MaxPool
 * is the place in x of each value that it takes, counted over the whole of x.
 * Values outside x never count for the maximum; they count as 0 for the mean if count_include_pad is set.
 */
import type { Node } from "../model/graph.ts";
import { type Shape, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { given, input } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";
import { asImage, tapsInside, type WindowAxis, windowAxes } from "./window.ts";

const maxAttrs = {
  auto_pad: { type: "string", default: "NOTSET" },
  ceil_mode: { type: "int", default: 0 },
  dilations: { type: "ints" },
  kernel_shape: { type: "ints", required: true },
  pads: { type: "ints" },
  strides: { type: "ints" },
  storage_order: { type: "int", default: 0 }, // of the indices: 1 counts down the columns
} as const satisfies Record<string, AttrSpec>;

const averageAttrs = {
  auto_pad: { type: "string", default: "NOTSET" },
  ceil_mode: { type: "int", default: 0 },
  count_include_pad: { type: "int", default: 0 },
  dilations: { type: "ints" },
  kernel_shape: { type: "ints", required: true },
  pads: { type: "ints" },
  strides: { type: "ints" },
} as const satisfies Record<string, AttrSpec>;

export const MaxPool = {
  inputs: [1, 1],
  attrs: maxAttrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input");
    const { axes } = maxPoolGeometry(node, x.shape);
    const shape = pooledShape(x.shape, axes);
    const values = { dtype: "float32", shape } as const;
    return node.outputs.length > 1 ? [values, { dtype: "int32", shape }] : [values];
  },

  reference(node, inputs, [output, places]) {
    const x = given(inputs, 0);
    const { axes } = maxPoolGeometry(node, x.shape);
    const y = zeros(output.shape);
    const indices = places && zeros(places.shape, places.dtype);
    const [down, across] = asImage(axes).map(({ inputSize }) => inputSize);
    const byColumns = readAttrs(node, maxAttrs).storage_order !== 0;
    forEachWindow(x.shape, axes, (at, _oy, _ox, offsets) => {
      let most = -Infinity;
      let place = offsets[0] ?? 0;
      for (const offset of offsets) {
        if (x.data[offset] > most) place = offset;
        most = Math.max(x.data[offset], most);
      }
      y.data[at] = most;
      if (!indices) return;
      const pixel = place % (down * across);
      const turned = (pixel % across) * down + Math.floor(pixel / across);
      indices.data[at] = byColumns ? place - pixel + turned : place;
    });
    return indices ? [y, indices] : [y];
  },
} satisfies Operator;

export const AveragePool = {
  inputs: [1, 1],
  attrs: averageAttrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input");
    const { axes } = averagePoolGeometry(node, x.shape);
    return [{ dtype: "float32", shape: pooledShape(x.shape, axes) }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const { axes, countIncludePad } = averagePoolGeometry(node, x.shape);
    const [ay, ax] = asImage(axes);
    const y = zeros(output.shape);
    forEachWindow(x.shape, axes, (at, oy, ox, offsets) => {
      let sum = 0;
      for (const offset of offsets) sum += x.data[offset];
      const count = countIncludePad ? tapsPadded(ay, oy) * tapsPadded(ax, ox) : offsets.length;
      y.data[at] = count ? sum / count : 0;
    });
    return [y];
  },
} satisfies Operator;

export interface PoolGeometry {
  readonly axes: readonly WindowAxis[]; // [W] or [H, W], with pads and auto_pad resolved
  readonly countIncludePad: boolean; // false for MaxPool
}

/** The windows of a MaxPool: for `infer`, and for the backends. */
export function maxPoolGeometry(node: Node, xShape: Shape): PoolGeometry {
  const values = readAttrs(node, maxAttrs);
  return { axes: windowAxes(node, xShape, values.kernel_shape, values), countIncludePad: false };
}

/** The windows of an AveragePool: for `infer`, and for the backends. */
export function averagePoolGeometry(node: Node, xShape: Shape): PoolGeometry {
  const values = readAttrs(node, averageAttrs);
  const axes = windowAxes(node, xShape, values.kernel_shape, values);
  return { axes, countIncludePad: values.count_include_pad !== 0 };
}

/** The taps of output `o` that read the input or its padding, not what ceil_mode lets lie behind it. */
export function tapsPadded(axis: WindowAxis, o: number): number {
  const left = axis.padBegin + axis.inputSize + axis.padEnd - o * axis.stride;
  return Math.min(axis.kernel, Math.ceil(left / axis.dilation));
}

function pooledShape(xShape: Shape, axes: readonly WindowAxis[]): number[] {
  return [xShape[0], xShape[1], ...axes.map((axis) => axis.outputSize)];
}

/** Calls `visit` with each output's offset and place, and the offsets of the inputs in its window. */
function forEachWindow(
  xShape: Shape,
  axes: readonly WindowAxis[],
  visit: (at: number, oy: number, ox: number, offsets: readonly number[]) => void,
): void {
  const [ay, ax] = asImage(axes);
  for (let plane = 0, at = 0; plane < xShape[0] * xShape[1]; plane++) {
    for (let oy = 0; oy < ay.outputSize; oy++) {
      const [kyFirst, kyEnd] = tapsInside(ay, oy);
      for (let ox = 0; ox < ax.outputSize; ox++, at++) {
        const [kxFirst, kxEnd] = tapsInside(ax, ox);
        const offsets: number[] = [];
        for (let ky = kyFirst; ky < kyEnd; ky++) {
          const row = plane * ay.inputSize + oy * ay.stride + ky * ay.dilation - ay.padBegin;
          for (let kx = kxFirst; kx < kxEnd; kx++) {
            offsets.push(row * ax.inputSize + ox * ax.stride + kx * ax.dilation - ax.padBegin);
          }
        }
        visit(at, oy, ox, offsets);
      }
    }
  }
}
