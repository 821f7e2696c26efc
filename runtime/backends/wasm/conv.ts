/** Conv, Gemm and MatMul with a constant matrix. A depthwise Conv goes to depthwise.ts. */
import type { Node } from "../../model/graph.ts";
import type { Tensor } from "../../model/tensor.ts";
import { convGeometry } from "../../ops/conv.ts";
import { asImage, type WindowAxis } from "../../ops/window.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { blockCandidates } from "./block.ts";
import type { Candidate, ConvWork } from "./conv-work.ts";
import { bindDepthwise, isDepthwise } from "./depthwise.ts";
import { type Border, noBorder } from "./layout.ts";
import { bias, everyPixel, firstPixels, imagePixels, residualPixels, tapBytes } from "./pixels.ts";
import { attrsOf, shapeOf } from "./plan-facts.ts";
import type { Binding, Builder, Phase, Step } from "./step.ts";

export { convPhase } from "./block.ts";

export const convBinding: Binding = {
  images: true,
  wholeLanes: true,
  fuses: { residual: true, activation: true, clamp: true },
  unsupported(node, plan) {
    const shape = shapeOf(plan, node.inputs[0]);
    if (shape.length !== 4)
      return `its input [${shape}] has rank ${shape.length}; only images [N, C, H, W] run`;
    return needsConstants(node, plan, [1, 2]);
  },
  bind(step, builder) {
    if (isDepthwise(step.node, builder.plan)) return bindDepthwise(step, builder);
    const { node } = step;
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const weight = builder.constant(node.inputs[1])!;
    const { group, axes } = convGeometry(node, x.shape, weight.shape);
    const [y_, x_] = asImage(axes);
    const [outputs, inputs] = weight.shape;
    const taps = y_.kernel * x_.kernel;
    return bindWork(
      {
        step,
        weights: { data: weight.data, outputs, inputs, taps, groups: group },
        tapBytes: tapBytes(x, y_, x_),
        pixels: { ...imagePixels(x, out, y_, x_), residual: residualPixels(step, builder) },
        bias: bias(node.inputs[2], outputs, builder),
        x,
        out,
      },
      builder,
    );
  },
};

export const gemmBinding: Binding = {
  newAxes: true,
  reads: "rows",
  writes: "rows",
  wholeLanes: true,
  fuses: { residual: true, activation: true, clamp: true },
  unsupported(node, plan) {
    const { transA } = attrsOf<{ transA: number }>(node);
    if (transA) return "transA is set";
    if (node.inputs[2]) {
      const [size] = shapeOf(plan, node.inputs[2]).slice(-1);
      const elements = shapeOf(plan, node.inputs[2]).reduce((a, b) => a * b, 1);
      if (elements !== (size ?? 1))
        return `C [${shapeOf(plan, node.inputs[2])}] is more than one bias an output`;
    }
    return needsConstants(node, plan, [1, 2]);
  },
  bind(step, builder) {
    const { node } = step;
    const { alpha, beta, transB } = attrsOf<{ alpha: number; beta: number; transB: number }>(node);
    const b = builder.constant(node.inputs[1])!;
    const weight = scale(transB ? b : transpose(b), alpha);
    return product(step, builder, weight, bias(node.inputs[2], weight.shape[0], builder, beta));
  },
};

/** MatMul with a constant matrix. With two activations it goes to matmul.ts. */
export function bindConstantMatMul(step: Step, builder: Builder): Phase[] {
  const weight = transpose(builder.constant(step.node.inputs[1])!);
  return product(step, builder, weight, bias(undefined, weight.shape[0], builder));
}

/** Zero border that a Conv wants around its input. */
export function convBorder(node: Node, plan: ExecutionPlan): Border {
  const shape = shapeOf(plan, node.inputs[0]);
  if (shape.length !== 4) return noBorder;
  const { axes } = convGeometry(node, shape, shapeOf(plan, node.inputs[1]));
  const [y, x] = asImage(axes);
  return { top: y.padBegin, bottom: reachPast(y), side: Math.max(x.padBegin, reachPast(x)) };
}

/** How far the last window reads past the end of the input. */
function reachPast(axis: WindowAxis): number {
  const last = (axis.outputSize - 1) * axis.stride - axis.padBegin + (axis.kernel - 1) * axis.dilation;
  return Math.max(0, last - (axis.inputSize - 1));
}

/** x [rows, K] times weight [outputs, K] transposed. */
function product(step: Step, builder: Builder, weight: Tensor<"float32">, biasAt: number): Phase[] {
  const x = builder.value(step.inputs[0]);
  const out = builder.value(step.output);
  const [outputs, inputs] = weight.shape;
  const work: ConvWork = {
    step,
    weights: { data: weight.data, outputs, inputs, taps: 1, groups: 1 },
    tapBytes: [0],
    pixels: { from: everyPixel(x), to: everyPixel(out), residual: residualPixels(step, builder) },
    bias: biasAt,
    x,
    out,
  };
  return bindWork(work, builder);
}

/** Binds the way that the builder chooses, which says why. */
function bindWork(work: ConvWork, builder: Builder): Phase[] {
  const sample = (pixels: number) => candidatesOf({ ...work, pixels: firstPixels(work.pixels, pixels) });
  const { candidate, why } = builder.choose(work.step, candidatesOf(work), sample);
  return candidate
    .bind(builder)
    .map((phase) => ({ ...phase, detail: [phase.detail, why].filter(Boolean).join("; ") }));
}

const candidatesOf = (work: ConvWork): Candidate[] => blockCandidates(work);

function needsConstants(
  node: Node,
  plan: ExecutionPlan,
  indices: readonly number[],
): string | undefined {
  const missing = indices.find((i) => node.inputs[i] && !plan.graph.constants.has(node.inputs[i]));
  return missing === undefined ? undefined : `its input '${node.inputs[missing]}' is not a constant`;
}

function scale(weight: Tensor<"float32">, factor: number): Tensor<"float32"> {
  return factor === 1 ? weight : { ...weight, data: weight.data.map((w) => w * factor) };
}

function transpose({ shape: [rows, cols], data }: Tensor<"float32">): Tensor<"float32"> {
  const turned = new Float32Array(data.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < cols; c++) turned[c * rows + r] = data[r * cols + c];
  return { dtype: "float32", shape: [cols, rows], data: turned };
}
