/** Finds the zeros that a network has already and stores them sparse: for networks that were pruned elsewhere. */
import { ModelError } from "../runtime/model/errors.ts";
import { type Graph, isSparse } from "../runtime/model/graph.ts";
import {
  formatPattern,
  type Mask,
  parsePattern,
  type SparsityPattern,
} from "../runtime/model/pattern.ts";
import type { SparseTensor } from "../runtime/model/sparse/format.ts";
import { encodeWeight, storedBytes } from "../runtime/model/sparse/index.ts";
import type { Shape, Tensor } from "../runtime/model/tensor.ts";
import { blockSums, blocksOf, count, expand, keepInGroups } from "./pattern.ts";

export interface PackedLayer {
  readonly node: string;
  readonly weight: string;
  readonly shape: Shape;
  readonly pattern: string; // "dense" where no pattern makes it smaller
  readonly zeros: number; // fraction of the weight
  readonly sparsity: number; // fraction that the pattern leaves out
  readonly denseBytes: number;
  readonly storedBytes: number;
}

/** What is tried where no pattern is given, the quickest to run first: of equal sizes the first is taken. */
const tried = [
  "16x8",
  "8x8",
  "8x4",
  "4x4",
  "4x1",
  "1x4",
  "channel",
  "2:4x8",
  "2:4",
  "1:4",
  "unstructured",
];

/**
 * Stores each weight of a Conv (group 1) or Gemm by the pattern that takes the fewest bytes, or stays dense.
 * Throws a ModelError where a pattern is given and no weight has zeros that form it.
 */
export function pack(graph: Graph, pattern?: SparsityPattern): { graph: Graph; layers: PackedLayer[] } {
  const patterns = pattern ? [pattern] : tried.map(parsePattern);
  const constants = new Map(graph.constants);
  const layers: PackedLayer[] = [];
  for (const { name: node, op, inputs, attrs } of graph.nodes) {
    const name = inputs[1];
    const value = graph.constants.get(name);
    if ((op !== "Conv" && op !== "Gemm") || !value || isSparse(value) || value.dtype !== "float32")
      continue;
    if ((attrs.group ?? 1) !== 1 || (op === "Gemm" && attrs.transB !== 1)) continue;
    const weight = value as Tensor<"float32">;
    let best: { pattern: string; stored: Tensor | SparseTensor; sparsity: number } = {
      pattern: "dense",
      stored: weight,
      sparsity: 0,
    };
    for (const candidate of patterns) {
      const mask = maskOfZeros(weight, candidate);
      if (!mask) continue;
      const stored = encodeWeight(weight, mask);
      if (storedBytes(stored) < storedBytes(best.stored)) {
        const sparsity = 1 - count(mask.keep) / mask.keep.length;
        best = { pattern: formatPattern(candidate), stored, sparsity };
      }
    }
    constants.set(name, best.stored);
    layers.push({
      node,
      weight: name,
      shape: weight.shape,
      pattern: best.pattern,
      zeros: weight.data.reduce((zeros, w) => zeros + (w === 0 ? 1 : 0), 0) / weight.data.length,
      sparsity: best.sparsity,
      denseBytes: storedBytes(weight),
      storedBytes: storedBytes(best.stored),
    });
  }
  if (pattern && layers.every((layer) => layer.pattern === "dense")) {
    throw new ModelError(
      `no weight of '${graph.name}' has zeros that form ${formatPattern(pattern)}; leave the pattern out to try others`,
    );
  }
  return { graph: { ...graph, constants }, layers };
}

/** The mask of a pattern that leaves out only zeros, as many as it can. Undefined where none does. */
export function maskOfZeros(weight: Tensor<"float32">, pattern: SparsityPattern): Mask | undefined {
  const blocks = blocksOf(weight.shape, pattern);
  const nonzeros = blockSums(
    blocks,
    weight.data.map((value) => (value === 0 ? 0 : 1)),
  );
  if (pattern.kind === "n:m") {
    const keep = keepInGroups(nonzeros, blocks, pattern);
    return nonzeros.every((nonzero, b) => nonzero === 0 || keep[b]) ? expand(blocks, keep) : undefined;
  }
  const keep = Uint8Array.from(nonzeros, (nonzero) => (nonzero > 0 ? 1 : 0));
  return keep.includes(0) ? expand(blocks, keep) : undefined;
}
