/**
 * Single layers as networks: a convolution or Gemm with bias, seeded weights, dense or pruned to an exact number of
 * blocks. A few of them stand in a row, as in a network, so that what a call costs any engine once (inputs and outputs
 * copied and put in its own order) weighs as it does there; times are per layer. Where a layer changes the number of
 * channels, every other one of the row is the way back, which is the same work.
 */
import { blockBudget, blocksOf, count, expand, keepInGroups, topK } from "../../pruner/pattern.ts";
import { random } from "../../pruner/train/random.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { formatPattern, type Mask, parsePattern } from "../../runtime/model/pattern.ts";
import type { SparseTensor } from "../../runtime/model/sparse/format.ts";
import { encodeWeight } from "../../runtime/model/sparse/index.ts";
import { type Shape, sizeOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";

export interface LayerCase {
  readonly name: string;
  readonly inC: number;
  readonly outC: number;
  readonly kernel: number; // of a convolution, odd, padded so that the size stays; 0 for a Gemm
  readonly rows: number; // height = width of a convolution, M of a Gemm
}

export const layerCases: readonly LayerCase[] = [
  conv(1, 256, 256, 14),
  conv(1, 512, 512, 7),
  conv(1, 64, 256, 56),
  conv(3, 64, 64, 56),
  conv(3, 128, 128, 28),
  conv(3, 256, 256, 14),
  conv(3, 512, 512, 7),
  gemm(197, 192, 768),
  gemm(197, 768, 768),
  gemm(197, 768, 3072),
];

/** What is pruned away: "block:16x8@70" is 70 % of the blocks; n:m says it itself. "dense" is nothing. */
export const layerPatterns = [
  "dense",
  ...["block:16x8@50", "block:16x8@70", "block:16x8@90", "block:8x4@50", "block:8x4@70"],
  ...["block:4x4@70", "block:16x1@70", "block:4x1@70"],
  ...["2:4x16", "2:4x8", "2:4", "1:4", "unstructured@70"],
] as const;

function conv(kernel: number, inC: number, outC: number, size: number): LayerCase {
  const back = inC === outC ? "" : `->${inC}`;
  return { name: `${kernel}x${kernel} ${inC}->${outC}${back} @${size}`, inC, outC, kernel, rows: size };
}

function gemm(rows: number, inC: number, outC: number): LayerCase {
  const back = inC === outC ? "" : `->${inC}`;
  return { name: `gemm ${rows} x ${inC}->${outC}${back}`, inC, outC, kernel: 0, rows };
}

/** Floating point operations of the dense layer. */
export function denseFlops({ inC, outC, kernel, rows }: LayerCase): number {
  return 2 * inC * outC * (kernel ? kernel ** 2 * rows ** 2 : rows);
}

/**
 * How many of a layer stand in a row: the more the less work a layer is, but no more than 12, and no more dense weights
 * than 4 MB: those of a network come from the L3 cache, but what is measured here is kernels.
 */
export function depthOf(layer: LayerCase): number {
  const weights = layer.inC * layer.outC * (layer.kernel || 1) ** 2;
  return (
    2 * Math.max(1, Math.min(6, Math.floor(2 ** 19 / weights), Math.round(4.5e8 / denseFlops(layer))))
  );
}

/** `depth` layers with dense weights, or with the blocks that random scores leave, and the fraction left. Same seed, same weights. */
export function layerGraph(
  layer: LayerCase,
  depth: number,
  seed: number,
  pattern = "dense",
): { graph: Graph; density: number } {
  const { name, kernel, rows } = layer;
  const constants: [string, Tensor | SparseTensor][] = [];
  let [kept, elements] = [0, 0];
  const nodes = Array.from({ length: depth }, (_, i): Node => {
    const uniform = random(seed + i);
    const [inC, outC] = i % 2 ? [layer.outC, layer.inC] : [layer.inC, layer.outC];
    const shape = kernel ? [outC, inC, kernel, kernel] : [outC, inC];
    // Variance 1 / fan-in: values neither fade nor grow from layer to layer.
    const weight = uniformTensor(shape, uniform, Math.sqrt(3 / (inC * (kernel || 1) ** 2)));
    const mask = pattern === "dense" ? undefined : randomMask(shape, pattern, uniform);
    elements += weight.data.length;
    kept += mask ? count(mask.keep) : weight.data.length;
    constants.push([`weight${i}`, mask ? encodeWeight(weight, mask) : weight]);
    constants.push([`bias${i}`, uniformTensor([outC], uniform, 0.1)]);
    const pads = new Array<number>(4).fill((kernel - 1) / 2);
    return {
      name: `layer${i}`,
      op: kernel ? "Conv" : "Gemm",
      inputs: [`y${i}`, `weight${i}`, `bias${i}`],
      outputs: [`y${i + 1}`],
      attrs: kernel ? { kernel_shape: [kernel, kernel], pads } : { transB: 1 },
    };
  });
  const valueAt = (i: number) => {
    const channels = i % 2 ? layer.outC : layer.inC;
    const shape = kernel ? [1, channels, rows, rows] : [rows, channels];
    return { name: `y${i}`, dtype: "float32" as const, shape };
  };
  const graph = {
    name,
    nodes,
    inputs: [valueAt(0)],
    outputs: [valueAt(depth)],
    constants: new Map(constants),
  };
  return { graph, density: kept / elements };
}

export function layerInput({ inC, kernel, rows }: LayerCase, seed: number): Tensor<"float32"> {
  return uniformTensor(kernel ? [1, inC, rows, rows] : [rows, inC], random(seed), 1);
}

/** [the pattern as the runtime writes it, the fraction of its blocks that goes]. */
export function splitPattern(text: string): [pattern: string, sparsity: number] {
  const [name, percent] = text.split("@");
  const pattern = parsePattern(name);
  const sparsity = pattern.kind === "n:m" ? 1 - pattern.n / pattern.m : Number(percent) / 100;
  return [formatPattern(pattern), sparsity];
}

function randomMask(shape: Shape, text: string, uniform: () => number): Mask {
  const [name, sparsity] = splitPattern(text);
  const pattern = parsePattern(name);
  const blocks = blocksOf(shape, pattern);
  const scores = Float64Array.from({ length: blocks.count }, uniform);
  const keep =
    pattern.kind === "n:m"
      ? keepInGroups(scores, blocks, pattern)
      : topK(scores, blockBudget(blocks.count, sparsity));
  return expand(blocks, keep);
}

/** Uniform in [-range, range). */
function uniformTensor(shape: Shape, uniform: () => number, range: number): Tensor<"float32"> {
  return tensor(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => range * (2 * uniform() - 1)),
  );
}
