/**
 * Convolutions and pools of volumes [N, C, D, H, W] as those of images. A Conv reads its taps in depth as further
 * channels of an image; a pool is one of the images, then one along the depth.
 */
import type { Attr, Node } from "../../../runtime/model/graph.ts";
import { type WindowAttrs, type WindowAxis, windowAxes } from "../../../runtime/ops/window.ts";
import { type Rewrite, type Rewriting, refused, type Writer, writerFor } from "./writer.ts";

/** Rewrites what reads a volume; anything else goes to `otherwise`. */
export const volumes =
  (otherwise: Rewrite): Rewrite =>
  (node, rewriting) => {
    if (rewriting.dims(node.inputs[0])?.length !== 5 || node.outputs.length > 1)
      return otherwise(node, rewriting);
    if (node.op !== "Conv" && !node.op.endsWith("Pool")) return otherwise(node, rewriting);
    if (node.op.startsWith("Global")) return otherwise(node, rewriting);
    const w = writerFor(node, rewriting);
    const dims = volumeDims(node, rewriting);
    if (node.op !== "Conv") return w.end(pool(w, node, dims));
    const weight = rewriting.dims(node.inputs[1]);
    if (weight?.length !== 5 || weight.includes(undefined))
      throw refused(node, `the shape of the weight '${node.inputs[1]}' is not known to be of 5 sizes`);
    return w.end(volumeConv(w, node, node.inputs, dims, weight as number[], node.attrs));
  };

export type VolumeDims = readonly [channels: number, depth: number, height: number, width: number];

/** The sizes behind the first, which must be known. */
export function volumeDims(node: Node, { dims }: Rewriting): VolumeDims {
  const [x] = node.inputs;
  const found = dims(x)!.slice(1);
  if (found.includes(undefined))
    throw refused(
      node,
      `the sizes of the volume '${x}' are not known; export the model with fixed sizes`,
    );
  return found as unknown as VolumeDims;
}

/** Weight [M, C / group, kD, kH, kW]: in memory that is [M, C / group * kD, kH, kW], for channels c * kD + kd. */
export function volumeConv(
  w: Writer,
  node: Node,
  [x, weight, ...bias]: readonly string[],
  [inC, ...sizes]: VolumeDims,
  [outC, groupC, ...kernel]: readonly number[],
  attrs: Node["attrs"],
): string {
  const [depth, down, across] = windowsOf(node, sizes, kernel, attrs);
  const taps = Array.from({ length: depth.kernel }, (_, k) => tapsOf(w, x, depth, k));
  const stacked = w.transpose(w.add("Concat", taps, { axis: 2 }), [0, 3, 1, 2, 4, 5]);
  const images = w.reshape(stacked, [-1, inC * depth.kernel, sizes[1], sizes[2]]);
  const flat = w.reshape(weight, [outC, groupC * depth.kernel, kernel[1], kernel[2]]);
  const { group = 1 } = attrs;
  const made = w.add("Conv", [images, flat, ...bias], { ...imageAttrs([down, across]), group });
  const shaped = w.reshape(made, [-1, depth.outputSize, outC, down.outputSize, across.outputSize]);
  return w.transpose(shaped, [0, 2, 1, 3, 4]);
}

/** What tap k reads, [N, C, 1, D out, H, W]. */
function tapsOf(w: Writer, x: string, depth: WindowAxis, k: number): string {
  const { padBegin, padEnd, stride, dilation, outputSize } = depth;
  const border = [0, 0, padBegin, 0, 0, 0, 0, padEnd, 0, 0];
  const padded = padBegin || padEnd ? w.add("Pad", [x, w.ints(border)]) : x;
  const first = k * dilation;
  const end = first + (outputSize - 1) * stride + 1;
  const range = [[first], [end], [2], [stride]].map((list) => w.ints(list));
  return w.add("Unsqueeze", [w.add("Slice", [padded, ...range]), w.ints([2])]);
}

function pool(w: Writer, node: Node, [channels, ...sizes]: VolumeDims): string {
  const kernel = node.attrs.kernel_shape as number[] | undefined;
  if (kernel?.length !== 3) throw refused(node, `kernel_shape is ${kernel}; expected three sizes`);
  const [depth, down, across] = windowsOf(node, sizes, kernel, node.attrs);
  const { ceil_mode = 0, count_include_pad: counted } = node.attrs;
  const common = { ceil_mode, ...(counted === undefined ? {} : { count_include_pad: counted }) };
  const images = w.reshape(node.inputs[0], [-1, channels * sizes[0], sizes[1], sizes[2]]);
  const flat = w.add(node.op, [images], { ...common, ...imageAttrs([down, across]) });
  const columns = w.reshape(flat, [-1, channels, sizes[0], down.outputSize * across.outputSize]);
  const made = w.add(node.op, [columns], { ...common, ...imageAttrs([depth, alone]) });
  const outer = [depth, down, across].map(({ outputSize }) => outputSize);
  return w.reshape(made, [-1, channels, ...outer]);
}

const alone = { kernel: 1, stride: 1, dilation: 1, padBegin: 0, padEnd: 0 };

/** auto_pad becomes pads. */
function imageAttrs(axes: readonly (typeof alone)[]): Record<string, Attr> {
  return {
    kernel_shape: axes.map(({ kernel }) => kernel),
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(({ dilation }) => dilation),
    pads: [...axes.map(({ padBegin }) => padBegin), ...axes.map(({ padEnd }) => padEnd)],
  };
}

/** Each axis by itself, as if of one dimension. */
function windowsOf(
  node: Node,
  sizes: readonly number[],
  kernel: readonly number[],
  attrs: Node["attrs"],
): WindowAxis[] {
  const { auto_pad = "NOTSET", ceil_mode = 0 } = attrs as unknown as WindowAttrs;
  const { strides, dilations, pads } = attrs as unknown as WindowAttrs;
  return kernel.map((taps, axis) => {
    const own: WindowAttrs = {
      auto_pad,
      ceil_mode,
      strides: strides && [strides[axis]],
      dilations: dilations && [dilations[axis]],
      pads: pads && [pads[axis], pads[axis + 3]],
    };
    return windowAxes(node, [1, 1, sizes[axis]], [taps], own)[0];
  });
}
