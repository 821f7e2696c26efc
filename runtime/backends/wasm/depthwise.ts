/** Depthwise Conv (as many groups as input channels and outputs) on kernels-wasm/depthwise.ts. */
import { depthwise } from "../../../kernels-wasm/index.ts";
import type { Node } from "../../model/graph.ts";
import { convGeometry } from "../../ops/conv.ts";
import { asImage } from "../../ops/window.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { roundUp8 } from "./layout.ts";
import { bias, imagePixels, tapBytes } from "./pixels.ts";
import { attrsOf, shapeOf } from "./plan-facts.ts";
import { split } from "./split.ts";
import type { Builder, Call, Phase, Step } from "./step.ts";

const tilePixels = 4;

export function isDepthwise(node: Node, plan: ExecutionPlan): boolean {
  const [outputs, inputs] = shapeOf(plan, node.inputs[1]);
  const { group } = attrsOf<{ group: number }>(node);
  return group > 1 && inputs === 1 && outputs === group;
}

export function bindDepthwise(step: Step, builder: Builder): Phase[] {
  const { node } = step;
  const { threads, fma } = builder;
  const x = builder.value(step.inputs[0]);
  const out = builder.value(step.output);
  const weight = builder.constant(node.inputs[1])!;
  const [y_, x_] = asImage(convGeometry(node, x.shape, weight.shape).axes);
  const channels = weight.shape[0];
  const offsets = Int32Array.from(tapBytes(x, y_, x_));
  const taps = offsets.length;

  const packed = new Float32Array(roundUp8(channels) * taps);
  for (let c = 0; c < channels; c++) {
    for (let tap = 0; tap < taps; tap++) {
      packed[(Math.floor(c / 8) * taps + tap) * 8 + (c % 8)] = weight.data[c * taps + tap];
    }
  }
  const tapsAt = builder.data(offsets);
  const common = [
    tapsAt,
    tapsAt + offsets.byteLength,
    builder.data(packed),
    bias(node.inputs[2], channels, builder),
    roundUp8(channels) * 4,
    step.lo,
    step.hi,
  ];

  const { from, to } = imagePixels(x, out, y_, x_);
  const run = (size: number, first: number, tiles: number) => {
    const words = new Int32Array(tiles * size * 2);
    for (let tile = 0, at = 0, pixel = first; tile < tiles; tile++, pixel += size) {
      for (const table of [from, to]) for (let p = 0; p < size; p++) words[at++] = table[pixel + p];
    }
    const kernel = builder.kernel(depthwise({ pixels: size, fma }));
    const address = builder.data(words);
    return (a: number, b: number): Call[] =>
      a === b ? [] : [{ kernel, args: [address + a * size * 8, address + b * size * 8, ...common] }];
  };
  const whole = Math.floor(from.length / tilePixels);
  const rest = from.length % tilePixels;
  const main = whole ? run(tilePixels, 0, whole) : () => [];
  const tail = rest ? run(rest, whole * tilePixels, 1)(0, 1) : [];
  const calls = split(new Array<number>(whole).fill(1), threads).map((share, thread) => [
    ...main(...share),
    ...(thread === threads - 1 ? tail : []),
  ]);
  return [
    {
      label: step.label,
      kernel: `f32_depthwise_${tilePixels}x8`,
      detail: "dense",
      flops: 2 * channels * taps * from.length,
      calls,
    },
  ];
}
