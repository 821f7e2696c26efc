/**
 * Single layers as networks: a convolution with bias, seeded weights, dense or pruned to an exact number of blocks.
 * A few of one shape stand in a row, as in a network, so that what a call costs any engine once (inputs and outputs
 * copied and put in its own order) weighs as it does there; times are per layer.
 */
import { blockBudget, blocksOf, expand, topK } from "../../pruner/pattern.ts";
import { random } from "../../pruner/train/random.ts";
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { parsePattern } from "../../runtime/model/pattern.ts";
import type { SparseTensor } from "../../runtime/model/sparse/format.ts";
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

/** `depth` layers in a row with dense weights, or with the blocks that random scores leave. Same seed, same weights. */
export function layerGraph(
  layer: LayerCase,
  depth: number,
  seed: number,
  pruned?: { pattern: string; sparsity: number },
): Graph {
  const { name, inC, outC, kernel, size } = layer;
  if (depth > 1 && inC !== outC)
    throw new Error(`${name}: only layers that keep their channels stand in a row`);
  const pads = new Array<number>(4).fill((kernel - 1) / 2);
  const constants: [string, Tensor | SparseTensor][] = [];
  const nodes = Array.from({ length: depth }, (_, i): Node => {
    const uniform = random(seed + i);
    // Variance 1 / fan-in: values neither fade nor grow from layer to layer.
    const weight = uniformTensor(
      [outC, inC, kernel, kernel],
      uniform,
      Math.sqrt(3 / (inC * kernel ** 2)),
    );
    constants.push([`weight${i}`, pruned ? prune(weight, pruned, uniform) : weight]);
    constants.push([`bias${i}`, uniformTensor([outC], uniform, 0.1)]);
    return {
      name: `conv${i}`,
      op: "Conv",
      inputs: [`y${i}`, `weight${i}`, `bias${i}`],
      outputs: [`y${i + 1}`],
      attrs: { kernel_shape: [kernel, kernel], pads },
    };
  });
  return {
    name,
    nodes,
    inputs: [{ name: "y0", dtype: "float32", shape: [1, inC, size, size] }],
    outputs: [{ name: `y${depth}`, dtype: "float32", shape: [1, outC, size, size] }],
    constants: new Map(constants),
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
