/** Single layers as networks: a convolution with bias, seeded weights, dense or pruned to an exact number of blocks. */
import { blockBudget, blocksOf, expand, topK } from "../../pruner/pattern.ts";
import { random } from "../../pruner/train/random.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import { encodeWeight } from "../../runtime/model/sparse/index.ts";
import { type Shape, sizeOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";

export interface LayerCase {
  readonly name: string;
  readonly inC: number;
  readonly outC: number;
  readonly kernel: number; // odd; padded so that the size stays
  readonly size: number; // height and width
}

export const layerCases: readonly LayerCase[] = [
  { name: "1x1 256->256 @14", inC: 256, outC: 256, kernel: 1, size: 14 },
  { name: "3x3 64->64 @56", inC: 64, outC: 64, kernel: 3, size: 56 },
  { name: "3x3 256->256 @14", inC: 256, outC: 256, kernel: 3, size: 14 },
];

/** Floating point operations of the dense layer. */
export function denseFlops({ inC, outC, kernel, size }: LayerCase): number {
  return 2 * inC * outC * kernel ** 2 * size ** 2;
}

/** The layer with the dense weight, or with the blocks that random scores leave of it. Same seed, same weight. */
export function layerGraph(
  layer: LayerCase,
  seed: number,
  pruned?: { pattern: string; sparsity: number },
): Graph {
  const { name, inC, outC, kernel, size } = layer;
  const uniform = random(seed);
  const weight = uniformTensor([outC, inC, kernel, kernel], uniform, 1 / Math.sqrt(inC * kernel ** 2));
  const bias = uniformTensor([outC], uniform, 1);
  const pad = (kernel - 1) / 2;
  return {
    name,
    nodes: [
      {
        name: "conv",
        op: "Conv",
        inputs: ["x", "weight", "bias"],
        outputs: ["y"],
        attrs: { kernel_shape: [kernel, kernel], pads: [pad, pad, pad, pad] },
      },
    ],
    inputs: [{ name: "x", dtype: "float32", shape: [1, inC, size, size] }],
    outputs: [{ name: "y", dtype: "float32", shape: [1, outC, size, size] }],
    constants: new Map([
      ["weight", pruned ? prune(weight, pruned, uniform) : weight],
      ["bias", bias],
    ]),
  };
}

export function layerInput({ inC, size }: LayerCase, seed: number): Tensor<"float32"> {
  return uniformTensor([1, inC, size, size], random(seed), 1);
}

function prune(
  weight: Tensor<"float32">,
  { pattern, sparsity }: { pattern: string; sparsity: number },
  uniform: () => number,
) {
  const blocks = blocksOf(weight.shape, parsePattern(pattern));
  const scores = Float64Array.from({ length: blocks.count }, uniform);
  return encodeWeight(weight, expand(blocks, topK(scores, blockBudget(blocks.count, sparsity))));
}

/** Uniform in [-range, range). */
function uniformTensor(shape: Shape, uniform: () => number, range: number): Tensor<"float32"> {
  return tensor(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => range * (2 * uniform() - 1)),
  );
}
