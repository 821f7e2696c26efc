/** Conv, Gemm and MatMul with a constant matrix. A depthwise Conv goes to depthwise.ts. */
import type { Node } from "../../model/graph.ts";
import { matrixOf, type SparseTensor } from "../../model/sparse/format.ts";
import type { Tensor } from "../../model/tensor.ts";
import { convGeometry } from "../../ops/conv.ts";
import { asImage, type WindowAxis } from "../../ops/window.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { bandScratchBytes, bindBands } from "./bands.ts";
import { blockCandidates } from "./block.ts";
import type { Candidate, ConvOperands, ConvWeights, ConvWork } from "./conv-work.ts";
import { bindDepthwise, isDepthwise } from "./depthwise.ts";
import { type Border, noBorder } from "./layout.ts";
import { panelCandidates, panelScratchBytes } from "./panel.ts";
import { bias, everyPixel, imagePixels, residualPixels, slicePixels, tapBytes } from "./pixel-tables.ts";
import { attrsOf, shapeOf } from "./plan-facts.ts";
import type { Binding, Builder, Phase, Step } from "./step.ts";
import { vectorCandidates } from "./vector.ts";

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
  scratch: (step, plan, threads) =>
    step.chain ? bandScratchBytes(step, plan, threads) : panelScratch(step, plan, threads),
  bind(step, builder) {
    if (step.chain) return bindBands(step, builder, bindConv);
    if (isDepthwise(step.node, builder.plan)) return bindDepthwise(step, builder);
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const { axes } = convGeometry(step.node, x.shape, shapeOf(builder.plan, step.node.inputs[1]));
    const pixels = { ...imagePixels(x, out, ...asImage(axes)), residual: residualPixels(step, builder) };
    return bindConv(step, builder, { x, out, pixels });
  },
};

function bindConv(step: Step, builder: Builder, operands: ConvOperands): Phase[] {
  const [input, weight, biasName] = step.node.inputs;
  const { plan } = builder;
  const { group, axes } = convGeometry(step.node, shapeOf(plan, input), shapeOf(plan, weight));
  const [y_, x_] = asImage(axes);
  const { x } = operands;
  const stored = storedWeights(weight, group, builder);
  const work: ConvWork = {
    step,
    weights: stored,
    tapBytes: tapBytes(x, y_, x_),
    lanes: x.stride,
    bias: bias(biasName, stored.outputs, builder),
    ...operands,
  };
  // A picture's few channels are no work for a block: a row of taps is, whose pixels lie side by side.
  const isPicture = x.stride === stored.inputs && x.stride < 8 && x_.dilation === 1;
  if (!isPicture) return bindWork(work, builder);
  const rowsOfTaps = {
    weights: joinTaps(stored, x_.kernel),
    tapBytes: tapBytes(x, y_, { ...x_, kernel: 1 }),
    lanes: x.stride * x_.kernel,
  };
  return bindWork({ ...work, ...rowsOfTaps }, builder);
}

/** Gemm with constant weights. With others it goes to gemm.ts. */
export const constantGemmBinding: Binding = {
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
  scratch: panelScratch,
  bind(step, builder) {
    const { node } = step;
    const { alpha, beta, transB } = attrsOf<{ alpha: number; beta: number; transB: number }>(node);
    const isStored = transB && alpha === 1;
    const weights = isStored
      ? storedWeights(node.inputs[1], 1, builder)
      : turnedWeights(node.inputs[1], !transB, alpha, builder);
    return product(step, builder, weights, bias(node.inputs[2], weights.outputs, builder, beta));
  },
};

/** MatMul with a constant matrix. With two activations it goes to matmul.ts. */
export function bindConstantMatMul(step: Step, builder: Builder): Phase[] {
  const weights = turnedWeights(step.node.inputs[1], true, 1, builder);
  return product(step, builder, weights, bias(undefined, weights.outputs, builder));
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
function product(step: Step, builder: Builder, weights: ConvWeights, biasAt: number): Phase[] {
  const x = builder.value(step.inputs[0]);
  const out = builder.value(step.output);
  const work: ConvWork = {
    step,
    weights,
    tapBytes: [0],
    lanes: x.stride,
    pixels: { from: everyPixel(x), to: everyPixel(out), residual: residualPixels(step, builder) },
    bias: biasAt,
    x,
    out,
  };
  return bindWork(work, builder);
}

/** Binds the way that the builder chooses, which says why. */
function bindWork(work: ConvWork, builder: Builder): Phase[] {
  if (work.ranges) {
    // What lies between the steps of a chain has no place of its own in which to try anything out.
    return fastest(blockCandidates(work)).bind(builder);
  }
  const withPanels = panelScratch(work.step, builder.plan, builder.threads) > 0;
  const sample = (pixels: number) =>
    candidatesOf({ ...work, pixels: slicePixels(work.pixels, 0, pixels) }, withPanels);
  const { candidate, why } = builder.choose(work.step, candidatesOf(work, withPanels), sample);
  return candidate
    .bind(builder)
    .map((phase) => ({ ...phase, detail: [phase.detail, why].filter(Boolean).join("; ") }));
}

const fastest = (candidates: readonly Candidate[]): Candidate =>
  candidates.reduce((a, b) => (b.cycles < a.cycles ? b : a));

/** Blocks run any weights; panels are for those whose zeros fill no blocks of 8 outputs. */
export function candidatesOf(work: ConvWork, withPanels: boolean): Candidate[] {
  const blocks = work.pixels.from.length === 1 ? vectorCandidates(work) : blockCandidates(work);
  return [...blocks, ...(withPanels ? panelCandidates(work) : [])];
}

/** Scratch memory of any layer with constant weights that may run by panels. */
export function panelScratch({ node }: Step, plan: ExecutionPlan, threads: number): number {
  if (!mayUsePanels(node, plan)) return 0;
  const outputs = shapeOf(plan, node.outputs[0]).at(node.op === "Conv" ? 1 : -1)!;
  return panelScratchBytes(outputs, threads);
}

/** May its weights have zeros that fill no blocks? */
export function mayUsePanels({ inputs }: Node, plan: ExecutionPlan): boolean {
  const weight = plan.graph.constants.get(inputs[1]);
  return weight !== undefined && hasLooseZeros(weight);
}

/** Of weights as they are stored: may they have zeros that fill no blocks of 8 outputs? */
export function hasLooseZeros(weight: Tensor | SparseTensor): boolean {
  if ("format" in weight) return weight.format !== "block" || weight.blockShape[0] % 8 !== 0;
  const { data } = weight;
  const step = Math.max(1, Math.floor(data.length / 4001));
  let [zeros, count] = [0, 0];
  for (let i = 0; i < data.length; i += step, count++) if (data[i] === 0) zeros++;
  return zeros > 0.2 * count;
}

function needsConstants(
  node: Node,
  plan: ExecutionPlan,
  indices: readonly number[],
): string | undefined {
  const missing = indices.find((i) => node.inputs[i] && !plan.graph.constants.has(node.inputs[i]));
  return missing === undefined ? undefined : `its input '${node.inputs[missing]}' is not a constant`;
}

/** A constant [outputs, inputs, ...taps] as it is stored. */
function storedWeights(name: string, groups: number, builder: Builder): ConvWeights {
  const constant = builder.plan.graph.constants.get(name)!;
  const [outputs, inputs, taps] = matrixOf(constant.shape);
  const blocks = "format" in constant && constant.format === "block" ? constant : undefined;
  let data: Float32Array | undefined;
  return {
    outputs,
    inputs,
    taps,
    groups,
    blocks,
    get data() {
      data ??= builder.constant(name)!.data;
      return data;
    },
  };
}

/** The weights with each row of `kernel` taps as one tap of so many times the inputs. */
function joinTaps({ data, outputs, inputs, taps, groups }: ConvWeights, kernel: number): ConvWeights {
  const rows = taps / kernel;
  const joined = new Float32Array(data.length);
  let from = 0;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let tap = 0; tap < taps; tap++) {
        const [row, column] = [Math.floor(tap / kernel), tap % kernel];
        joined[((o * kernel + column) * inputs + i) * rows + row] = data[from++];
      }
    }
  }
  return { data: joined, outputs, inputs: inputs * kernel, taps: rows, groups };
}

/** A constant matrix times `factor`, transposed where it is [inputs, outputs]. */
function turnedWeights(name: string, isTurned: boolean, factor: number, builder: Builder): ConvWeights {
  const { shape, data } = builder.constant(name)!;
  const [outputs, inputs] = isTurned ? [shape[1], shape[0]] : shape;
  const [byOutput, byInput] = isTurned ? [1, outputs] : [inputs, 1];
  const turned = new Float32Array(data.length);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) turned[o * inputs + i] = factor * data[o * byOutput + i * byInput];
  }
  return { data: turned, outputs, inputs, taps: 1, groups: 1 };
}
