/** Conv with constant weights, as products over the blocks of its weights; depthwise as a window. */
import { ModelError, nodeName } from "../../model/errors.ts";
import { decodeWeight } from "../../model/sparse/index.ts";
import { convGeometry } from "../../ops/conv.ts";
import { asImage } from "../../ops/window.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { shapeOf } from "../wasm/plan-facts.ts";
import type { Context, Family } from "./family.ts";
import type { Step } from "./fuse.ts";
import {
  type BlockShape,
  blockShapes,
  chooseBlocks,
  nameOf,
  type Packed,
  pack,
  type Weights,
} from "./pack.ts";
import { product } from "./product.ts";
import type { Source } from "./source.ts";
import { depthwise } from "./window.ts";
import type { Writer } from "./writer.ts";

export const conv: Family = {
  unsupported(node, plan) {
    const [, w] = node.inputs;
    if (!plan.graph.constants.has(w)) return "its weight is computed while running";
    const [, inC] = shapeOf(plan, node.inputs[0]);
    const [outC, , ...taps] = shapeOf(plan, w);
    if (Math.max(inC, outC, ...taps) > 65535) return "more than 65535 channels";
    return undefined;
  },

  write(step, context) {
    const { node } = step;
    const [x, w] = node.inputs.map((name) => shapeOf(context.plan, name || node.inputs[0]));
    const { group, axes } = convGeometry(node, x, w);
    if (group > 1 && w[1] === 1) return depthwise(step, context);
    const [, inputs] = w;
    const [ay, ax] = asImage(axes);
    const weights: Weights = {
      data: decodeWeight(context.plan.graph.constants.get(node.inputs[1])!).data,
      outputs: w[0],
      inputs,
      taps: ay.kernel * ax.kernel,
      groups: group,
    };
    const writer = context.writer();
    return [
      product(step, writer, imageSource(step, context.plan, writer), packFor(step, weights, context)),
    ];
  },
};

/** The weights in the blocks that were asked for, or that are the best of them. */
export function packFor(step: Step, weights: Weights, { choices, chosen }: Context): Packed {
  const name = nodeName(step.node);
  const asked: BlockShape | undefined = blockShapes.find((shape) => nameOf(shape) === choices[name]);
  const shape = asked ?? chooseBlocks(weights);
  if (weights.groups > 1 && weights.inputs % shape.cols)
    throw new ModelError(
      `${name}: blocks of ${nameOf(shape)} do not divide ${weights.inputs} inputs of a group`,
    );
  chosen(name, nameOf(shape));
  return pack(weights, shape);
}

/** x [N, C, (H,) W] read at the places of taps; y [N, M, (H,) W]. */
function imageSource({ node, tail }: Step, plan: ExecutionPlan, writer: Writer): Source {
  const [xName, wName, bias] = node.inputs;
  const shape = shapeOf(plan, xName);
  const [batch, inC] = shape;
  const [outC] = shapeOf(plan, wName);
  const { axes } = convGeometry(node, shape, shapeOf(plan, wName));
  const [ay, ax] = asImage(axes);
  const area = ay.outputSize * ax.outputSize;
  const inArea = ay.inputSize * ax.inputSize;
  const name = (part: string, value: number) => writer.constant(part, value);
  const signed = (part: string, value: number) => writer.constant(part, value, "i32");
  const channels = name("inC", inC);
  const plane = name("inArea", inArea);
  const outArea = name("outArea", area);
  const outputs = name("outC", outC);
  const place = `((p / ${outArea}) * ${outputs} + m) * ${outArea} + p % ${outArea}`;
  const common = {
    pixels: batch * area,
    place,
    bias: bias ? `${writer.value(bias)}[m]` : undefined,
  };
  const isPoint = [ay, ax].every(
    ({ kernel, stride, padBegin, inputSize, outputSize }) =>
      kernel === 1 && stride === 1 && padBegin === 0 && inputSize === outputSize,
  );
  // A buffer is bound once, of one type: what the tail reads too is not read in vectors.
  const isReadAgain = tail.some(({ inputs }) =>
    inputs.some((input) => input !== "" && writer.owner(input) === writer.owner(xName)),
  );
  if (isPoint && area % 4 === 0 && !isReadAgain) {
    const x = writer.value(xName, "vec4<f32>");
    writer.helper(`fn quad_of(c: u32, at: u32, isInside: bool) -> vec4<f32> {
  if (!isInside || c >= ${channels}) { return vec4<f32>(); }
  return ${x}[(at + c * ${plane}) / 4u];
}`);
    return {
      ...common,
      name: "conv_point",
      before: `  let isInside = pixel < ${name("pixels", batch * area)};
  let at = (pixel / ${outArea}) * ${channels} * ${plane} + pixel % ${outArea};`,
      load: "quad_of(c, at, isInside)",
    };
  }
  const x = writer.value(xName);
  const [iH, iW] = [signed("iH", ay.inputSize), signed("iW", ax.inputSize)];
  const oW = name("oW", ax.outputSize);
  // The place of a pixel's first tap: y, x and the offset of its image; beyond the last pixel, none is inside.
  writer.helper(`fn corner(pixel: u32) -> vec3<i32> {
  if (pixel >= ${name("pixels", batch * area)}) { return vec3<i32>(-0x40000000, 0, 0); }
  let own = pixel % ${outArea};
  let y = i32((own / ${oW}) * ${name("strideY", ay.stride)}) - ${signed("padY", ay.padBegin)};
  let x = i32((own % ${oW}) * ${name("strideX", ax.stride)}) - ${signed("padX", ax.padBegin)};
  return vec3<i32>(y, x, i32((pixel / ${outArea}) * ${channels} * ${plane}));
}`);
  writer.helper(`fn at_tap(corner: vec3<i32>, shift: vec2<i32>, c: u32) -> f32 {
  let place = corner.xy + shift;
  if (place.x < 0 || place.y < 0 || place.x >= ${iH} || place.y >= ${iW}) { return 0.0; }
  return ${x}[u32(corner.z + place.x * ${iW} + place.y) + c * ${plane}];
}`);
  const kW = name("kW", ax.kernel);
  writer.helper(`fn quad_of(corners: array<vec3<i32>, 4>, tap: u32, c: u32) -> vec4<f32> {
  if (c >= ${channels}) { return vec4<f32>(); }
  let shift = vec2<i32>(i32((tap / ${kW}) * ${name("dilationY", ay.dilation)}), i32((tap % ${kW}) * ${name("dilationX", ax.dilation)}));
  return vec4<f32>(at_tap(corners[0], shift, c), at_tap(corners[1], shift, c), at_tap(corners[2], shift, c), at_tap(corners[3], shift, c));
}`);
  return {
    ...common,
    name: "conv",
    before:
      "  let corners = array<vec3<i32>, 4>(corner(pixel), corner(pixel + 1u), corner(pixel + 2u), corner(pixel + 3u));",
    load: "quad_of(corners, tap, c)",
  };
}
