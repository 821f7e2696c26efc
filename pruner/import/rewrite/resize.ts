/**
 * The forms of Resize that the runtime has no loop for (cubic, antialiased, cropped, of a kept aspect ratio), as a
 * product with a constant matrix [to, from] along each axis that changes.
 */
import type { Node } from "../../../runtime/model/graph.ts";
import { tensor } from "../../../runtime/model/tensor.ts";
import { readAttrs } from "../../../runtime/ops/attributes.ts";
import { coordinates, Resize, rounding } from "../../../runtime/ops/resize.ts";
import { type Rewrite, type Rewriting, rankOf, refused, type Writer, writerFor } from "./writer.ts";

export const resize: Readonly<Record<string, Rewrite>> = {
  Resize(node, rewriting) {
    const attrs = readAttrs(node, Resize.attrs);
    const isPlain =
      (attrs.mode === "nearest" || attrs.mode === "linear") &&
      Object.hasOwn(coordinates, attrs.coordinate_transformation_mode) &&
      attrs.keep_aspect_ratio_policy === "stretch" &&
      !attrs.antialias;
    if (isPlain) return node;
    const w = writerFor(node, rewriting);
    let x = node.inputs[0];
    const rank = rankOf(node, x, rewriting);
    for (const axis of axesOf(node, attrs, rewriting)) {
      x = alongAxis(w, rewriting, x, rank, axis, matrixOf(node, attrs, axis));
    }
    return w.end(x);
  },
};

type Attrs = ReturnType<typeof readAttrs<typeof Resize.attrs>>;

interface ResizedAxis {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly scale: number; // as it was asked for: to / from but for rounding
  readonly crop?: readonly [start: number, end: number]; // of tf_crop_and_resize, as fractions
}

/** Those that change. */
function axesOf(node: Node, attrs: Attrs, rewriting: Rewriting): ResizedAxis[] {
  const [x, roiName, scalesName, sizesName] = node.inputs;
  const dims = rewriting.dims(x)!;
  const axes = (attrs.axes ?? Array.from(dims.keys())).map((axis) =>
    axis < 0 ? axis + dims.length : axis,
  );
  const numbers = (name: string | undefined, what: string): number[] => {
    const value = name ? rewriting.constant(name) : undefined;
    if (name && !value)
      throw refused(node, `${what} '${name}' are computed while running; export with fixed sizes`);
    return Array.from(value?.data ?? []);
  };
  const sizes = numbers(sizesName, "sizes");
  const scales = sizes.length
    ? sizes.map((size, i) => size / (dims[axes[i]] ?? size))
    : numbers(scalesName, "scales");
  const isCropped = attrs.coordinate_transformation_mode === "tf_crop_and_resize";
  const roi = isCropped ? numbers(roiName, "the region") : [];
  if (scales.length !== axes.length || (isCropped && roi.length !== 2 * axes.length)) {
    throw refused(
      node,
      `expected sizes or scales, and a region where it is cropped, for ${axes.length} axes`,
    );
  }
  const policy = attrs.keep_aspect_ratio_policy;
  const kept = policy === "not_larger" ? Math.min(...scales) : Math.max(...scales);
  return axes.flatMap((axis, i): ResizedAxis[] => {
    const from = dims[axis];
    if (from === undefined) {
      if (scales[i] === 1 && !isCropped) return [];
      throw refused(node, `size ${axis} of '${x}' is not known; export the model with fixed sizes`);
    }
    const crop = isCropped ? ([roi[i], roi[i + axes.length]] as const) : undefined;
    if (sizes.length && policy !== "stretch")
      return [{ axis, from, to: Math.floor(kept * from + 0.5), scale: kept, crop }];
    const to = sizes.length ? sizes[i] : Math.floor(from * scales[i]);
    return scales[i] === 1 && !crop ? [] : [{ axis, from, to, scale: scales[i], crop }];
  });
}

/** y = matrix · x + shift. */
interface Resampling {
  readonly matrix: Float32Array; // [to, from]
  readonly shift?: Float32Array; // [to]: what lies outside of the region
}

function matrixOf(node: Node, attrs: Attrs, { from, to, scale, crop }: ResizedAxis): Resampling {
  const matrix = new Float32Array(to * from);
  const shift = new Float32Array(to);
  const kernel = kernelOf(node, attrs, scale);
  for (let o = 0; o < to; o++) {
    const place = placeOf(node, attrs, o, { from, to, scale, crop });
    if (crop && (place < 0 || place > from - 1)) {
      shift[o] = attrs.extrapolation_value;
      continue;
    }
    const first = Math.floor(place);
    const taps = kernel(place - first).filter(({ at }) => {
      return !attrs.exclude_outside || (first + at >= 0 && first + at < from);
    });
    const sum =
      attrs.exclude_outside || attrs.antialias ? taps.reduce((s, { share }) => s + share, 0) : 1;
    for (const { at, share } of taps) {
      matrix[o * from + Math.min(Math.max(first + at, 0), from - 1)] += share / sum;
    }
  }
  return crop ? { matrix, shift } : { matrix };
}

/** Where output `o` lies in the input. */
function placeOf(
  node: Node,
  { coordinate_transformation_mode: mode }: Attrs,
  o: number,
  { from, to, scale, crop }: Omit<ResizedAxis, "axis">,
): number {
  if (crop) {
    const [start, end] = crop;
    const within = to > 1 ? (o * (end - start)) / (to - 1) : (end - start) / 2;
    return (start + within) * (from - 1);
  }
  if (mode === "half_pixel_symmetric") {
    const rounded = to / (scale * from); // the size that is made, of the one that was asked for
    return (from / 2) * (1 - rounded) + (o + 0.5) / scale - 0.5;
  }
  if (!Object.hasOwn(coordinates, mode)) {
    throw refused(node, `coordinate_transformation_mode "${mode}" is not known`);
  }
  return coordinates[mode](o, scale, from, to);
}

/** By the place between two values, 0 to 1: what each value around counts, counted from the first of the two. */
type Kernel = (between: number) => readonly { readonly at: number; readonly share: number }[];

function kernelOf(node: Node, attrs: Attrs, scale: number): Kernel {
  if (attrs.mode === "nearest") {
    if (!Object.hasOwn(rounding, attrs.nearest_mode))
      throw refused(node, `nearest_mode "${attrs.nearest_mode}" is not known`);
    return (between) => [{ at: rounding[attrs.nearest_mode](between), share: 1 }];
  }
  if (attrs.mode !== "linear" && attrs.mode !== "cubic") {
    throw refused(node, `mode "${attrs.mode}" is not known; expected nearest, linear, cubic`);
  }
  const reach = attrs.mode === "linear" ? 1 : 2;
  const weight = attrs.mode === "linear" ? triangle : cubic(attrs.cubic_coeff_a);
  // Antialiased, a kernel is as much wider as the result is smaller.
  const squeeze = attrs.antialias ? Math.min(scale, 1) : 1;
  const first = Math.floor(-reach / squeeze) + 1;
  return (between) =>
    Array.from({ length: 2 - 2 * first }, (_, i) => ({
      at: first + i,
      share: weight(Math.abs(squeeze * (first + i - between))),
    }));
}

const triangle = (distance: number) => Math.max(0, 1 - distance);

/** Keys, 1981: cubic convolution, with its one free number. */
const cubic = (a: number) => (distance: number) => {
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance ** 2 + 1;
  return distance < 2 ? ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a : 0;
};

/** The matrix stands at the left, where nothing takes it for a layer's weight; the axis is made the last but one. */
function alongAxis(
  w: Writer,
  rewriting: Rewriting,
  x: string,
  rank: number,
  { axis, from, to }: ResizedAxis,
  { matrix, shift }: Resampling,
): string {
  const weight = rewriting.addConstant("resampling", tensor([to, from], matrix));
  const isVector = rank === 1;
  const value = isVector ? w.reshape(x, [-1, 1]) : x;
  const perm = Array.from({ length: Math.max(rank, 2) }, (_, i) => i);
  const last = isVector ? 0 : rank - 2;
  [perm[axis], perm[last]] = [perm[last], perm[axis]];
  let made = w.add("MatMul", [weight, w.transpose(value, perm)]);
  if (shift) made = w.add("Add", [made, rewriting.addConstant("outside", tensor([to, 1], shift))]);
  made = w.transpose(made, perm);
  return isVector ? w.reshape(made, [-1]) : made;
}
