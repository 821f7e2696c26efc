/**
 * Finds the zeros that a network has already and stores them sparse: for networks that were pruned elsewhere. Dead
 * channels are removed first; then each weight is stored in the way that is predicted to run fastest, and of those
 * that run alike, in the fewest bytes.
 */
import { predictCycles } from "../runtime/backends/wasm/predict.ts";
import { ModelError, nodeName } from "../runtime/model/errors.ts";
import { type Graph, isSparse, type Node } from "../runtime/model/graph.ts";
import { formatPattern, type Mask, type SparsityPattern } from "../runtime/model/pattern.ts";
import type { SparseTensor } from "../runtime/model/sparse/format.ts";
import { encodeWeight, storedBytes } from "../runtime/model/sparse/index.ts";
import type { Shape, Tensor } from "../runtime/model/tensor.ts";
import { type ExecutionPlan, plan } from "../runtime/plan.ts";
import { blockSums, blocksOf, count, expand, keepInGroups } from "./pattern.ts";
import { nothingRemoved, type RemovedChannels, removeDeadChannels } from "./simplify/channels.ts";
import { chooseWeights, type WeightChoice } from "./weights.ts";
import { surveyZeros, whereBroken, type ZeroSurvey } from "./zeros.ts";

export interface PackedLayer {
  readonly node: string;
  readonly weight: string;
  readonly shape: Shape;
  readonly zeros: number; // fraction of the weight
  readonly found: string; // the pattern that names the zeros best; "" where there are none
  readonly share: number; // of the zeros, that it leaves out
  readonly deadOutputs: number;
  readonly deadInputs: number;
  readonly pattern: string; // that it is stored by; "dense" where no pattern makes it smaller
  readonly sparsity: number; // fraction that this pattern leaves out
  readonly denseBytes: number;
  readonly storedBytes: number;
}

export interface PackOptions extends WeightChoice {
  /** Store by this pattern, or dense. */
  readonly pattern?: SparsityPattern;
  /** Throw a ModelError that names the place where a layer that would be pruned by rule does not have this pattern. */
  readonly expect?: SparsityPattern;
  /** Leave dead channels where they are. */
  readonly keepChannels?: boolean;
}

export interface Packed {
  readonly graph: Graph;
  readonly layers: readonly PackedLayer[];
  readonly removed: RemovedChannels;
}

/** Predictions within this factor of the least count as equal. */
const alike = 1.05;

/** Fewer zeros than this fraction are no pruning. */
const fewZeros = 0.02;

/** Stores each float32 weight of a Conv (group 1) or Gemm; the others stay dense. */
export function pack(graph: Graph, given: SparsityPattern | PackOptions = {}): Packed {
  const options: PackOptions = "kind" in given ? { pattern: given } : given;
  const { pattern, expect, keepChannels = false } = options;
  if (expect) checkPattern(graph, expect, options);
  const { graph: smaller, removed } = keepChannels
    ? { graph, removed: nothingRemoved }
    : removeDeadChannels(graph);
  const planned = plan(smaller);
  const constants = new Map(smaller.constants);
  const layers: PackedLayer[] = [];
  for (const node of smaller.nodes) {
    const [, name] = node.inputs;
    const weight = smaller.constants.get(name);
    if ((node.op !== "Conv" && node.op !== "Gemm") || !weight || isSparse(weight)) continue;
    if (weight.dtype !== "float32" || constants.get(name) !== weight) continue; // shared: stored already
    const dense = weight as Tensor<"float32">;
    const survey = surveyZeros(dense);
    const isPlain = (node.attrs.group ?? 1) === 1 && (node.op !== "Gemm" || node.attrs.transB === 1);
    const stored = isPlain ? bestWay(dense, survey, pixelsOf(node, planned), pattern) : waysDense(dense);
    constants.set(name, stored.tensor);
    const best = survey.zeros < fewZeros * weight.data.length ? undefined : survey.patterns[0];
    layers.push({
      node: node.name,
      weight: name,
      shape: weight.shape,
      zeros: survey.zeros / weight.data.length,
      found: best ? formatPattern(best.pattern) : "",
      share: best?.share ?? 0,
      deadOutputs: survey.deadOutputs,
      deadInputs: survey.deadInputs,
      pattern: stored.pattern,
      sparsity: stored.sparsity,
      denseBytes: storedBytes(weight),
      storedBytes: storedBytes(stored.tensor),
    });
  }
  if (pattern && layers.every((layer) => layer.pattern === "dense")) {
    throw new ModelError(
      `no weight of '${graph.name}' has zeros that form ${formatPattern(pattern)}; leave the pattern out to try others`,
    );
  }
  return { graph: { ...smaller, constants }, layers, removed };
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

/** A way to store a weight. */
export interface StoredWay {
  readonly pattern: string;
  readonly tensor: Tensor | SparseTensor;
  readonly sparsity: number;
}

const waysDense = (weight: Tensor): StoredWay => ({ pattern: "dense", tensor: weight, sparsity: 0 });

/** Of the ways that are smaller than dense, the one to store a weight by. A pattern that is given is not compared. */
export function bestWay(
  weight: Tensor<"float32">,
  survey: ZeroSurvey,
  pixels: number,
  pattern?: SparsityPattern,
): StoredWay {
  const dense = waysDense(weight);
  if (survey.zeros < fewZeros * weight.data.length) return dense;
  const likely = survey.patterns.slice(0, 5).map((found) => found.pattern);
  const patterns = pattern ? [pattern] : [...likely, { kind: "unstructured" } as const];
  const ways = patterns.flatMap((candidate): StoredWay[] => {
    const mask = maskOfZeros(weight, candidate);
    if (!mask) return [];
    const tensor = encodeWeight(weight, mask);
    if (storedBytes(tensor) >= storedBytes(weight)) return [];
    const sparsity = 1 - count(mask.keep) / mask.keep.length;
    return [{ pattern: formatPattern(candidate), tensor, sparsity }];
  });
  if (ways.length === 0 || pattern) return ways[0] ?? dense;
  const costs = [dense, ...ways].map((way) => ({ way, cycles: predictCycles(way.tensor, pixels) }));
  const least = Math.min(...costs.map(({ cycles }) => cycles));
  const fast = costs.filter(({ cycles }) => cycles <= alike * least).map(({ way }) => way);
  return fast.reduce((a, b) => (storedBytes(b.tensor) < storedBytes(a.tensor) ? b : a));
}

function checkPattern(graph: Graph, expect: SparsityPattern, options: PackOptions): void {
  const { weights } = chooseWeights(graph, expect, options);
  const broken = weights.flatMap(({ node, value }) => {
    const where = whereBroken(value, expect);
    return where ? [{ node, where }] : [];
  });
  if (broken.length === 0) return;
  const [{ node: name, where }] = broken;
  const node = graph.nodes.find((candidate) => candidate.name === name)!;
  const rest =
    broken.length > 1 ? `; ${broken.length} of ${weights.length} layers do not have the pattern` : "";
  throw new ModelError(
    `${nodeName(node)}: expected ${formatPattern(expect)}; ${where}${rest}; leave layers out with --exclude`,
  );
}

/** Places of the result at which the weight is used. */
function pixelsOf({ outputs: [output] }: Node, { values }: ExecutionPlan): number {
  const { shape } = values.get(output)!;
  return shape.reduce((a, b) => a * b, 1) / shape[1];
}
