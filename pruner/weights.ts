/** Which weights of a network may be pruned, and why the others may not. */
import { ModelError } from "../runtime/model/errors.ts";
import { type Graph, isSparse, type Node } from "../runtime/model/graph.ts";
import type { SparsityPattern } from "../runtime/model/pattern.ts";
import { type Shape, sizeOf, type Tensor } from "../runtime/model/tensor.ts";
import type { PrunableWeight } from "./methods/method.ts";
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
  readonly include?: readonly string[]; // nodes or weights that are pruned though the rule would not
  readonly exclude?: readonly string[]; // nodes or weights that are not pruned
}

/**
 * By rule: every dense weight of a Conv (group 1) or Gemm, but not of the first layer, which is small and sees
 * the input, nor of the last, which makes the classes. Throws a ModelError on a name that is not there.
 */
export function chooseWeights(
  graph: Graph,
  pattern: SparsityPattern,
  { include = [], exclude = [] }: WeightChoice = {},
): { weights: NodeWeight[]; skipped: SkippedWeight[] } {
  const layers = weightLayers(graph);
  const known = new Set(layers.flatMap(({ node, inputs }) => [node.name, inputs]));
  for (const name of [...include, ...exclude]) {
    if (!known.has(name)) {
      const names = layers.map(({ node }) => node.name).join(", ");
      throw new ModelError(`no layer or weight is called '${name}'; layers with weights: ${names}`);
    }
  }
  const weights: NodeWeight[] = [];
  const skipped: SkippedWeight[] = [];
  layers.forEach(({ node, inputs: name, value }, place) => {
    const named = (names: readonly string[]) => names.includes(node.name) || names.includes(name);
    const impossible = whyImpossible(node, value, weights, name);
    if (named(include) && impossible)
      throw new ModelError(`${node.op} '${node.name}' cannot be pruned: ${impossible}`);
    const reason =
      impossible ??
      (named(exclude)
        ? "excluded by name"
        : named(include)
          ? undefined
          : place === 0
            ? "first layer"
            : place === layers.length - 1
              ? "last layer"
              : undefined);
    if (reason === undefined) {
      const blocks = blocksOf(value.shape, pattern);
      weights.push({ node: node.name, name, value: value as Tensor<"float32">, blocks });
    } else {
      skipped.push({ node: node.name, name, shape: value.shape, reason });
    }
  });
  if (weights.length === 0) throw new ModelError(`'${graph.name}' has no weight to prune`);
  return { weights, skipped };
}

function weightLayers(graph: Graph): { node: Node; inputs: string; value: { shape: Shape } }[] {
  return graph.nodes.flatMap((node) => {
    if (node.op !== "Conv" && node.op !== "Gemm") return [];
    const value = graph.constants.get(node.inputs[1]);
    return value ? [{ node, inputs: node.inputs[1], value }] : [];
  });
}

function whyImpossible(
  node: Node,
  value: { shape: Shape },
  weights: readonly NodeWeight[],
  name: string,
): string | undefined {
  if (isSparse(value as Tensor)) return "sparse already";
  const { group = 1, transB = 0 } = node.attrs as Record<string, number>;
  if (group !== 1) return group === sizeOf(value.shape.slice(0, 1)) ? "depthwise" : `${group} groups`;
  if (node.op === "Gemm" && !transB) return "its weight is stored [inputs, outputs]";
  if (weights.some((weight) => weight.name === name)) return "shares the weight of another layer";
  return undefined;
}
