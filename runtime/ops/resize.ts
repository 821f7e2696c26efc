/**
 * Resize: x resampled along its axes, to the nearest value or linearly between two. Inputs x, roi (not used), scales,
 * sizes: one of the last two, a constant.
 */
import type { Node } from "../model/graph.ts";
import { type Shape, type Tensor, zeros } from "../model/tensor.ts";
import { type AttrValues, readAttrs } from "./attributes.ts";
import { constantInts, fail, given, input, normalAxis } from "./checks.ts";
import type { AttrSpec, InferInput, Operator } from "./operator.ts";

const attrs = {
  antialias: { type: "int", default: 0 },
  axes: { type: "ints" },
  coordinate_transformation_mode: { type: "string", default: "half_pixel" },
  cubic_coeff_a: { type: "float", default: -0.75 },
  exclude_outside: { type: "int", default: 0 },
  extrapolation_value: { type: "float", default: 0 },
  keep_aspect_ratio_policy: { type: "string", default: "stretch" },
  mode: { type: "string", default: "nearest" },
  nearest_mode: { type: "string", default: "round_prefer_floor" },
} as const satisfies Record<string, AttrSpec>;

type Attrs = AttrValues<typeof attrs>;

/** The place in the input of output index `o`: `scale` is output size / input size, as it was asked for. */
export const coordinates: Readonly<
  Record<string, (o: number, scale: number, inputSize: number, outputSize: number) => number>
> = {
  half_pixel: (o, scale) => (o + 0.5) / scale - 0.5,
  pytorch_half_pixel: (o, scale, _, size) => (size > 1 ? (o + 0.5) / scale - 0.5 : 0),
  align_corners: (o, _, inputSize, size) => (size > 1 ? (o * (inputSize - 1)) / (size - 1) : 0),
  asymmetric: (o, scale) => o / scale,
};

export const rounding: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

export const Resize = {
  inputs: [1, 4],
  attrs,

  infer(node, inputs) {
    const { shape } = input(node, inputs, 0, "the input");
    const axes = resampling(node, inputs);
    return [{ dtype: "float32", shape: shape.map((size, axis) => axes[axis]?.taps.length ?? size) }];
  },

  reference(node, inputs, [output]) {
    const known = inputs.map((value) => value && { dtype: value.dtype, shape: value.shape, value });
    let x = given(inputs, 0);
    resampling(node, known).forEach((resampled, axis) => {
      if (resampled) x = alongAxis(x, axis, resampled.taps);
    });
    return [{ ...x, shape: output.shape } as Tensor];
  },
} satisfies Operator;

/** An output value is (1 - share) * input[first] + share * input[second]. */
export interface ResizeTap {
  readonly first: number;
  readonly second: number;
  readonly share: number; // 0 where the nearest value is taken
}

export interface ResampledAxis {
  readonly taps: readonly ResizeTap[]; // [output size]
}

/** How each axis is resampled; undefined where it stays as it is. */
export function resampling(
  node: Node,
  inputs: readonly (InferInput | undefined)[],
): readonly (ResampledAxis | undefined)[] {
  const given = readAttrs(node, attrs);
  const { shape } = inputs[0] as { shape: Shape };
  check(node, given);
  const sizes = targets(node, inputs, shape, given.axes);
  const place = coordinates[given.coordinate_transformation_mode];
  const round = rounding[given.nearest_mode];
  return shape.map((inputSize, axis) => {
    const target = sizes.get(axis);
    if (!target || (target.size === inputSize && target.scale === 1)) return undefined;
    const inside = (index: number) => Math.min(Math.max(index, 0), inputSize - 1);
    const taps = Array.from({ length: target.size }, (_, o): ResizeTap => {
      const x = place(o, target.scale, inputSize, target.size);
      if (given.mode === "nearest") {
        const first = inside(round(x));
        return { first, second: first, share: 0 };
      }
      const first = Math.floor(inside(x));
      return { first, second: inside(first + 1), share: inside(x) - first };
    });
    return { taps };
  });
}

function check(node: Node, given: Attrs): void {
  const { mode, coordinate_transformation_mode: place, nearest_mode: round } = given;
  const known = (table: object) => Object.keys(table).join(", ");
  if (mode !== "nearest" && mode !== "linear")
    fail(node, `mode "${mode}" is not supported; supported: nearest, linear`);
  if (!Object.hasOwn(coordinates, place))
    fail(
      node,
      `coordinate_transformation_mode "${place}" is not supported; supported: ${known(coordinates)}`,
    );
  if (!Object.hasOwn(rounding, round))
    fail(node, `nearest_mode "${round}" is not known; expected ${known(rounding)}`);
  if (given.antialias) fail(node, "antialias is set; it is not supported");
  if (given.keep_aspect_ratio_policy !== "stretch")
    fail(
      node,
      `keep_aspect_ratio_policy "${given.keep_aspect_ratio_policy}" is not supported; expected "stretch"`,
    );
}

/** The output size of each axis that is named, and the scale that places are computed with. */
function targets(
  node: Node,
  inputs: readonly (InferInput | undefined)[],
  shape: Shape,
  axesGiven: readonly number[] | undefined,
): Map<number, { size: number; scale: number }> {
  const axes = (axesGiven ?? shape.map((_, axis) => axis)).map((axis) =>
    normalAxis(node, axis, shape.length),
  );
  const sizes = constantInts(node, inputs, 3, "sizes");
  const scales = sizes?.length ? undefined : constantScales(node, inputs[2]);
  const asked = sizes?.length ? sizes : scales;
  if (!asked) fail(node, "neither scales (input 2) nor sizes (input 3) are given as a constant");
  if (asked.length !== axes.length)
    fail(node, `[${asked}] has ${asked.length} values; expected ${axes.length}, one for each axis`);
  return new Map(
    axes.map((axis, i) => {
      const size = scales ? Math.floor(shape[axis] * asked[i]) : asked[i];
      if (!(size >= 1)) fail(node, `[${asked}] makes axis ${axis} of [${shape}] empty`);
      return [axis, { size, scale: scales ? asked[i] : size / shape[axis] }];
    }),
  );
}

function constantScales(node: Node, scales: InferInput | undefined): readonly number[] | undefined {
  if (!scales || scales.shape[0] === 0) return undefined;
  if (!scales.value)
    fail(node, `scales '${node.inputs[2]}' are computed while running; they must be constants`);
  return Array.from(scales.value.data);
}

function alongAxis(x: Tensor, axis: number, taps: readonly ResizeTap[]): Tensor {
  const shape = x.shape.map((size, i) => (i === axis ? taps.length : size));
  const y = zeros(shape);
  const inner = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
  for (let o = 0, at = 0; o < outer; o++) {
    const start = o * x.shape[axis];
    for (const { first, second, share } of taps) {
      for (let i = 0; i < inner; i++, at++) {
        const a = x.data[(start + first) * inner + i];
        const b = x.data[(start + second) * inner + i];
        y.data[at] = share === 0 ? a : a + share * (b - a);
      }
    }
  }
  return y;
}
