/**
 * Conv, Gemm and MatMul on the block kernel of kernels-wasm/conv.ts: dense or sparse, 1x1 or 7x7, strided,
 * dilated or grouped, they differ in their tables only. A depthwise Conv goes to depthwise.ts.
 */
import { conv, groupWords, tileWords } from "../../../kernels-wasm/index.ts";
import type { Node } from "../../model/graph.ts";
import type { Tensor } from "../../model/tensor.ts";
import { convGeometry } from "../../ops/conv.ts";
import { asImage, type WindowAxis } from "../../ops/window.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { bindDepthwise, isDepthwise } from "./depthwise.ts";
import { type Border, noBorder } from "./layout.ts";
import { type PackedConv, packConv } from "./pack.ts";
import { bias, everyPixel, imagePixels, type Pixels, residualPixels, tapBytes } from "./pixels.ts";
import { attrsOf, shapeOf } from "./plan-facts.ts";
import { split } from "./split.ts";
import type { Binding, Builder, Call, Phase, Placed, Step } from "./step.ts";

/** The largest part of the L2 cache that a panel of input and output pixels may take. */
const panelBytes = 512 * 1024;

export const convBinding: Binding = {
  wholeLanes: true,
  fuses: { residual: true, clamp: true },
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
    const packed = packConv(
      { data: weight.data, outputs, inputs, taps, groups: group },
      tapBytes(x, y_, x_),
      x.stride,
    );
    const pixels = { ...imagePixels(x, out, y_, x_), residual: residualPixels(step, builder) };
    return [runConv(step, builder, packed, pixels, bias(node.inputs[2], outputs, builder), x)];
  },
};

export const gemmBinding: Binding = {
  wholeLanes: true,
  fuses: { residual: true, clamp: true },
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
    return [product(step, builder, weight, bias(node.inputs[2], weight.shape[0], builder, beta))];
  },
};

/** MatMul with a constant matrix. With two activations it goes to matmul.ts. */
export function bindConstantMatMul(step: Step, builder: Builder): Phase[] {
  const weight = transpose(builder.constant(step.node.inputs[1])!);
  return [product(step, builder, weight, bias(undefined, weight.shape[0], builder))];
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
function product(step: Step, builder: Builder, weight: Tensor<"float32">, biasAt: number): Phase {
  const x = builder.value(step.inputs[0]);
  const out = builder.value(step.output);
  const [outputs, inputs] = weight.shape;
  const packed = packConv({ data: weight.data, outputs, inputs, taps: 1, groups: 1 }, [0], x.stride);
  const pixels = { from: everyPixel(x), to: everyPixel(out), residual: residualPixels(step, builder) };
  return runConv(step, builder, packed, pixels, biasAt, x);
}

/** Writes the tables of the kernel and shares the work among the threads. */
function runConv(
  step: Step,
  builder: Builder,
  packed: PackedConv,
  pixels: Pixels,
  biasAt: number,
  x: Placed,
): Phase {
  let weightFloats = 0;
  const spans = packed.groups.map(({ weights, offsets }, g) => {
    weightFloats += weights.length;
    const at = builder.data(weights);
    return [at, at + weights.byteLength, builder.data(offsets), biasAt + g * 32, g * 32];
  });
  const groups = builder.data(Int32Array.from(spans.flat()));
  const kept = packed.denseBlocks ? packed.blocks / packed.denseBlocks : 1;
  const work = packed.groups.map((group) => group.offsets.length * packed.block + 4);
  return {
    ...convPhase(step, builder, packed.block, pixels, groups, work, x),
    detail:
      kept < 1 ? `sparse: ${(100 * kept).toFixed(1)} % of the ${packed.block}x8 blocks kept` : "dense",
    flops: 2 * weightFloats * pixels.from.length,
  };
}

/**
 * Calls of the kernel over all pixels and groups. `groups` is the address of the group table, `work[g]` the
 * relative cost of a group.
 */
export function convPhase(
  step: Step,
  builder: Builder,
  block: number,
  pixels: Pixels,
  groups: number,
  work: readonly number[],
  x: Placed,
): Omit<Phase, "detail" | "flops"> {
  const { threads, fma } = builder;
  const out = builder.value(step.output);
  const residual = pixels.residual !== undefined;
  const count = pixels.from.length;
  const tilePixels = bestTile(count);
  const whole = Math.floor(count / tilePixels);
  const rest = count - whole * tilePixels;
  const tables = [pixels.from, pixels.to, ...(pixels.residual ? [pixels.residual] : [])];

  const run = (size: number, first: number, tiles: number) => {
    const words = new Int32Array(tiles * tileWords({ pixels: size, residual }));
    for (let tile = 0, at = 0, from = first; tile < tiles; tile++, from += size) {
      for (const table of tables) for (let p = 0; p < size; p++) words[at++] = table[from + p];
    }
    const name = builder.kernel(conv({ pixels: size, block, residual, fma }));
    const tileBytes = words.byteLength / tiles;
    const address = builder.data(words);
    const panel =
      Math.max(1, Math.floor(panelBytes / (size * (x.pixelBytes + out.pixelBytes)))) * tileBytes;
    return (tileFrom: number, tileTo: number, groupFrom: number, groupTo: number): Call[] =>
      tileFrom === tileTo || groupFrom === groupTo
        ? []
        : [
            {
              kernel: name,
              args: [
                address + tileFrom * tileBytes,
                address + tileTo * tileBytes,
                groups + groupFrom * groupWords * 4,
                groups + groupTo * groupWords * 4,
                panel,
                step.lo,
                step.hi,
              ],
            },
          ];
  };
  const main = whole ? run(tilePixels, 0, whole) : () => [];
  const tail = rest ? run(rest, whole * tilePixels, 1) : () => [];
  const byTiles = whole >= 4 * threads;
  const tileShares = split(new Array<number>(whole).fill(1), threads);
  const groupShares = split(work, threads);
  const calls = Array.from({ length: threads }, (_, thread) => {
    if (!byTiles)
      return [...main(0, whole, ...groupShares[thread]), ...tail(0, 1, ...groupShares[thread])];
    const all: [number, number] = [0, work.length];
    return [
      ...main(...tileShares[thread], ...all),
      ...(thread === threads - 1 ? tail(0, 1, ...all) : []),
    ];
  });
  const kernel = `f32_conv_${tilePixels}x8_k${block}`;
  return { label: step.label, kernel, calls };
}

/** 6 or 5 pixels a tile, whichever wastes less: a tile of fewer than 4 pixels takes as long as one of 4. */
function bestTile(count: number): number {
  if (count < 6) return Math.max(1, count);
  const cost = (tile: number) => count - (count % tile) + (count % tile ? Math.max(4, count % tile) : 0);
  return cost(5) < cost(6) ? 5 : 6;
}

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
