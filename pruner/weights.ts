/** Which weights of a network may be pruned, and why the others may not. */
import { ModelError } from "../runtime/model/errors.ts";
import { type Graph, isSparse, type Node } from "../runtime/model/graph.ts";
import { formatPattern, type SparsityPattern } from "../runtime/model/pattern.ts";
import { matrixOf } from "../runtime/model/sparse/format.ts";
import { type Shape, sizeOf, type Tensor } from "../runtime/model/tensor.ts";
import type { PrunableWeight } from "./methods/method.ts";
import { modulesOf } from "./modules.ts";
import { blocksOf } from "./pattern.ts";

/** A weight that a node multiplies its input by: [outputs, inputs, ...taps]. */
export interface NodeWeight extends PrunableWeight {
  readonly node: string; // name of the node that reads it
}

export interface SkippedWeight {
  readonly node: string;
  readonly name: string;
  readonly shape: Shape;
  readonly reason: string;
}

export interface WeightChoice {
  /** Nodes or weights that are pruned though the rule would not, by name; * stands for any characters. */
  readonly include?: readonly string[];
  /** Nodes or weights that are not pruned, in the same way. */
  readonly exclude?: readonly string[];
}

/** A node with a constant weight. */
interface Layer {
  readonly node: Node;
  readonly name: string; // of the weight
  readonly value: { readonly shape: Shape };
}

/**
 * By rule: every dense weight of a Conv (group 1) or Gemm in which a block of the pattern fits; but not of first layers,
 * which are small and see an input, nor of last ones, which make the classes or boxes. Throws a ModelError on a name
 * that is not there.
 */
export function chooseWeights(
  graph: Graph,
  pattern: SparsityPattern,
  { include = [], exclude = [] }: WeightChoice = {},
): { weights: NodeWeight[]; skipped: SkippedWeight[] } {
  const layers = weightLayers(graph);
  const isIncluded = matcherOf(include, layers);
  const isExcluded = matcherOf(exclude, layers);
  const modules = modulesOf(graph);
  const ends = endsOf(graph, layers);
  const weights: NodeWeight[] = [];
  const skipped: SkippedWeight[] = [];
  for (const layer of layers) {
    const { node, name, value } = layer;
    const impossible = whyImpossible(layer, weights);
    if (isIncluded(layer) === "by name" && impossible)
      throw new ModelError(`${node.op} '${node.name}' cannot be pruned: ${impossible}`);
    const byRule = () => ends.get(node) ?? whyTooSmall(value.shape, pattern);
    const reason =
      impossible ?? (isExcluded(layer) ? "excluded by name" : isIncluded(layer) ? undefined : byRule());
    if (reason === undefined) {
      const blocks = blocksOf(value.shape, pattern);
      const module = modules.get(node.name);
      weights.push({ node: node.name, name, value: value as Tensor<"float32">, blocks, module });
    } else {
      skipped.push({ node: node.name, name, shape: value.shape, reason });
    }
  }
  if (weights.length === 0) {
    const reasons = skipped.map(({ node, reason }) => `${node} (${reason})`).join(", ");
    throw new ModelError(`'${graph.name}' has no weight to prune${reasons && `: ${reasons}`}`);
  }
  return { weights, skipped };
}

function weightLayers(graph: Graph): Layer[] {
  return graph.nodes.flatMap((node): Layer[] => {
    if (!["Conv", "ConvTranspose", "Gemm", "MatMul"].includes(node.op)) return [];
    const value = graph.constants.get(node.inputs[1]);
    return value && value.shape.length >= 2 ? [{ node, name: node.inputs[1], value }] : [];
  });
}

/** How a layer is named by `patterns`: by its own name, by one with a *, or not at all. */
function matcherOf(
  patterns: readonly string[],
  layers: readonly Layer[],
): (layer: Layer) => "by name" | "by pattern" | undefined {
  const matches = (pattern: string) => {
    const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const regex = new RegExp(`^${parts.join(".*")}$`);
    return ({ node, name }: Layer) => regex.test(node.name) || regex.test(name);
  };
  const tests = patterns.map((pattern) => {
    const test = matches(pattern);
    if (!layers.some(test)) {
      const names = layers.map(({ node }) => node.name).join(", ");
      throw new ModelError(`no layer or weight is called '${pattern}'; layers with weights: ${names}`);
    }
    return { test, how: pattern.includes("*") ? ("by pattern" as const) : ("by name" as const) };
  });
  return (layer) => tests.find(({ test }) => test(layer))?.how;
}

/** Layers before which, or behind which, there is no other. */
function endsOf(graph: Graph, layers: readonly Layer[]): Map<Node, "first layer" | "last layer"> {
  const isLayer = new Set(layers.map(({ node }) => node));
  const ends = new Map<Node, "first layer" | "last layer">();
  const isBehind = new Set<string>(); // values that a layer has had a part in
  for (const node of graph.nodes) {
    const hasLayerBefore = node.inputs.some((name) => isBehind.has(name));
    if (isLayer.has(node) && !hasLayerBefore) ends.set(node, "first layer");
    if (isLayer.has(node) || hasLayerBefore) for (const name of node.outputs) isBehind.add(name);
  }
  const isBefore = new Set<string>(); // values that go into a layer
  for (const node of graph.nodes.toReversed()) {
    const hasLayerBehind = node.outputs.some((name) => isBefore.has(name));
    if (isLayer.has(node) && !hasLayerBehind && !ends.has(node)) ends.set(node, "last layer");
    if (isLayer.has(node) || hasLayerBehind) for (const name of node.inputs) isBefore.add(name);
  }
  return ends;
}

function whyImpossible(
  { node, value, name }: Layer,
  weights: readonly NodeWeight[],
): string | undefined {
  if (isSparse(value as Tensor)) return "sparse already";
  const { group = 1, transB = 0 } = node.attrs as Record<string, number>;
  if (node.op === "ConvTranspose") return "a transposed convolution";
  if (group !== 1) return group === sizeOf(value.shape.slice(0, 1)) ? "depthwise" : `${group} groups`;
  if (node.op === "MatMul" || (node.op === "Gemm" && !transB))
    return "its weight is stored [inputs, outputs]";
  if (weights.some((weight) => weight.name === name)) return "shares the weight of another layer";
  return undefined;
}

/** Does no whole block fit? Of n:m, no group. */
function whyTooSmall(shape: Shape, pattern: SparsityPattern): string | undefined {
  const [outputs, inputs] = matrixOf(shape);
  const [rows, cols] =
    pattern.kind === "block"
      ? [pattern.rows, pattern.cols]
      : pattern.kind === "n:m"
        ? [pattern.rows ?? 1, pattern.m]
        : [1, 1];
  return outputs < rows || inputs < cols ? `too small for ${formatPattern(pattern)}` : undefined;
}
