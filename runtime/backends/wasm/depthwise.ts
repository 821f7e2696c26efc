/** Depthwise Conv (as many groups as input channels and outputs) on kernels-wasm/depthwise.ts. */
import { depthwise } from "../../../kernels-wasm/index.ts";
import type { Node } from "../../model/graph.ts";
import { convGeometry } from "../../ops/conv.ts";
import { asImage, type WindowAxis } from "../../ops/window.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { epilogueOf } from "./activation.ts";
import { pixelAt, roundUp8 } from "./layout.ts";
import { attrsOf, shapeOf } from "./plan-facts.ts";
import { splitForPool } from "./split.ts";
import type { Builder, Call, Phase, Step } from "./step.ts";

export function isDepthwise(node: Node, plan: ExecutionPlan): boolean {
  const [outputs, inputs] = shapeOf(plan, node.inputs[1]);
  const { group } = attrsOf<{ group: number }>(node);
  return group > 1 && inputs === 1 && outputs === group;
}

export function bindDepthwise(step: Step, builder: Builder): Phase[] {
  const x = builder.value(step.inputs[0]);
  const out = builder.value(step.output);
  const work = depthwiseWork(step, builder, x.pixelBytes, out.pixelBytes);
  const { kernel, flopsPerRow, cyclesPerRow, axes } = work;
  const [y_, x_] = axes;
  const rows: RowOfPixels[] = [];
  for (let n = 0; n < out.n; n++) {
    for (let oy = 0; oy < out.h; oy++) {
      const from = Array.from({ length: y_.kernel }, (_, ky) => {
        const y = oy * y_.stride - y_.padBegin + ky * y_.dilation;
        return x.address + pixelAt(x, n, y, -x_.padBegin);
      });
      rows.push({ from, to: out.address + pixelAt(out, n, oy, 0) });
    }
  }
  const callOf = work.bindRows(rows);
  const each = new Array<number>(rows.length).fill(1);
  const pieces = splitForPool(each, builder.threads, cyclesPerRow * rows.length);
  return [
    {
      label: step.label,
      kernel,
      detail: "dense",
      flops: flopsPerRow * rows.length,
      calls: pieces.map(([first, end]) => [callOf(first, end)]),
    },
  ];
}

/** A row of output pixels: the address of its first pixel, and where each row of that pixel's taps begins. */
export interface RowOfPixels {
  readonly from: readonly number[]; // [kH]
  readonly to: number;
}

/** A depthwise convolution with its weights in memory, to be run on rows that may lie anywhere. */
export interface DepthwiseWork {
  readonly kernel: string;
  readonly axes: readonly [y: WindowAxis, x: WindowAxis];
  readonly flopsPerRow: number;
  readonly cyclesPerRow: number; // predicted
  /** Puts a table of the rows into memory; makes the calls that run part of them. */
  bindRows(rows: readonly RowOfPixels[]): (first: number, end: number) => Call;
}

/** `xStep` and `outStep`: bytes from a pixel to the next. */
export function depthwiseWork(
  step: Step,
  builder: Builder,
  xStep: number,
  outStep: number,
): DepthwiseWork {
  const { plan, fma } = builder;
  const { node, inputs, lo, hi } = step;
  const weight = builder.constant(node.inputs[1])!;
  const [channels] = weight.shape;
  const axes = asImage(convGeometry(node, shapeOf(plan, inputs[0]), weight.shape).axes);
  const [{ kernel: kH }, { kernel: kW, stride, dilation, outputSize: width }] = axes;
  const pixels = stripPixels(width, kH * kW, kW);
  const { activation, clamps } = epilogueOf(step);
  const func = depthwise({ pixels, kH, kW, stride, dilation, activation, clamps, fma });
  const weights = builder.data(pack(weight.data, channels, kH * kW, biasOf(node, channels, builder)));
  const channelBytes = 4 * roundUp8(channels);
  const starts = stripStarts(width, pixels);

  return {
    kernel: func.name,
    axes,
    flopsPerRow: 2 * channels * kH * kW * width,
    cyclesPerRow: (starts.length * stripCycles(pixels, kH * kW) * channelBytes) / 16,
    bindRows(rows) {
      const words = rows.flatMap(({ from, to }) =>
        starts.flatMap((pixel) => [
          ...from.map((address) => address + pixel * stride * xStep),
          to + pixel * outStep,
        ]),
      );
      const address = builder.data(Int32Array.from(words));
      const rowBytes = (4 * words.length) / rows.length;
      const kernel = builder.kernel(func);
      return (first, end) => ({
        kernel,
        args: [
          ...[address + first * rowBytes, address + end * rowBytes, weights, channelBytes],
          ...[xStep, outStep, lo, hi],
        ],
      });
    },
  };
}

/** Cycles of a strip and 4 channels: two multiply-adds or clamps a cycle, then what keeps them waiting. */
const stripCycles = (pixels: number, taps: number): number => (pixels * (taps + 2)) / 2 + 4;

/** A kernel of more multiply-adds than these takes long to compile. */
const mostUnrolled = 400;

/** How many pixels of a row to take at once: what costs least, given the registers. */
function stripPixels(width: number, taps: number, kW: number): number {
  const registers = Math.max(4, 14 - kW);
  const most = Math.max(1, Math.min(width, 8, registers, Math.floor(mostUnrolled / taps)));
  const cost = (pixels: number) => Math.ceil(width / pixels) * stripCycles(pixels, taps);
  let best = most;
  for (let pixels = most; pixels > 0; pixels--) if (cost(pixels) < cost(best)) best = pixels;
  return best;
}

/** First pixels of the strips of a row. The last one ends with the row, and computes some pixels again. */
function stripStarts(width: number, pixels: number): number[] {
  const count = Math.ceil(width / pixels);
  return Array.from({ length: count }, (_, i) => Math.min(i * pixels, width - pixels));
}

/** [channels / 4][1 + taps][4], bias first. */
function pack(weights: Float32Array, channels: number, taps: number, bias: Float32Array): Float32Array {
  const packed = new Float32Array(roundUp8(channels) * (1 + taps));
  for (let c = 0; c < channels; c++) {
    const at = (c - (c % 4)) * (1 + taps) + (c % 4);
    packed[at] = bias[c];
    for (let tap = 0; tap < taps; tap++) packed[at + (1 + tap) * 4] = weights[c * taps + tap];
  }
  return packed;
}

function biasOf(node: Node, channels: number, builder: Builder): Float32Array {
  return node.inputs[2] ? builder.constant(node.inputs[2])!.data : new Float32Array(channels);
}
