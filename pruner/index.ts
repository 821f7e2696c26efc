/**
 * `filigree/pruner`: prune a trained network. Which weights vanish together is the pattern, which ones go is
 * the method's choice, how the rest is stored follows from the pattern.
 */
import { predictCycles } from "../runtime/backends/wasm/predict.ts";
import { ModelError } from "../runtime/model/errors.ts";
import { type Graph, isSparse } from "../runtime/model/graph.ts";
import {
  formatPattern,
  type Mask,
  parsePattern,
  type SparsityPattern,
} from "../runtime/model/pattern.ts";
import { matrixOf, type SparseTensor } from "../runtime/model/sparse/format.ts";
import { decodeWeight, encodeWeight } from "../runtime/model/sparse/index.ts";
import { sameShape, sizeOf, type Tensor } from "../runtime/model/tensor.ts";
import { plan } from "../runtime/plan.ts";
import { checkDataset, type Dataset } from "./data/dataset.ts";
import { exportOnnx } from "./export/onnx.ts";
import { importOnnx } from "./import/onnx.ts";
import { importTflite, isTflite } from "./import/tflite.ts";
import { type Budget, blockCosts } from "./methods/costs.ts";
import { type MethodName, methods, searching } from "./methods/index.ts";
import type { PruningTarget, Scale, Scope } from "./methods/method.ts";
import { bestWay } from "./pack.ts";
import { blockBudget, count } from "./pattern.ts";
import { constantBytes, layerReports, type PruneReport } from "./report.ts";
import { type Schedule, scheduleOf } from "./schedule.ts";
import { type RemovedChannels, removeDeadChannels } from "./simplify/channels.ts";
import { simplify } from "./simplify.ts";
import { withActivations } from "./train/activations.ts";
import { type CheckpointStore, keyOf } from "./train/checkpoint.ts";
import { coupleChannels } from "./train/coupling.ts";
import type { Engine, EngineOptions } from "./train/engine.ts";
import { evaluate } from "./train/evaluate.ts";
import { recordTraining } from "./train/history.ts";
import { type LossFunction, meanLoss } from "./train/loss.ts";
import { multiplyMasks } from "./train/masking.ts";
import { restoreNormalization } from "./train/normalize.ts";
import { ortNode } from "./train/ort-node.ts";
import { type OnProgress, startClock } from "./train/progress.ts";
import { searchMasks } from "./train/search.ts";
import { measureStatistics } from "./train/statistics.ts";
import { trainable } from "./train/trainable.ts";
import { stepsPerEpoch, train } from "./train/trainer.ts";
import { chooseWeights, type NodeWeight, type WeightChoice } from "./weights.ts";
import { surveyZeros } from "./zeros.ts";

export { ModelError } from "../runtime/model/errors.ts";
export { type Model, readModel, writeModel } from "../runtime/model/file.ts";
export { type Graph, isSparse, type Node } from "../runtime/model/graph.ts";
export {
  formatPattern,
  type Mask,
  parsePattern,
  type SparsityPattern,
} from "../runtime/model/pattern.ts";
export { type Tensor, tensor } from "../runtime/model/tensor.ts";
export { type Dataset, split, subset } from "./data/dataset.ts";
export { exportOnnx } from "./export/onnx.ts";
export { exportTflite } from "./export/tflite.ts";
export { importOnnx } from "./import/onnx.ts";
export { importTflite, isTflite } from "./import/tflite.ts";
export {
  type Budget,
  type CostFile,
  type CostTable,
  checkCosts,
  costTable,
  readCosts,
} from "./methods/costs.ts";
export { type MethodName, methods } from "./methods/index.ts";
export type { Scale, Scope } from "./methods/method.ts";
export { maskOfZeros, type Packed, type PackedLayer, type PackOptions, pack } from "./pack.ts";
export type { LayerReport, PruneReport, SearchEpoch, SearchStep, TrainingStep } from "./report.ts";
export {
  drawPlots,
  lossesPlot,
  type Plot,
  type PlotSpec,
  plotHeight,
  series,
  softnessPlot,
} from "./report-page/drawing.ts";
export { plotSection, type ReportPage, reportPage, tableSection } from "./report-page/page.ts";
export type { Schedule } from "./schedule.ts";
export { type RemovedChannels, removeDeadChannels } from "./simplify/channels.ts";
export { simplify } from "./simplify.ts";
export type { CheckpointStore } from "./train/checkpoint.ts";
export { checkpointFolder } from "./train/checkpoint-folder.ts";
export { type Evaluation, evaluate } from "./train/evaluate.ts";
export type { LossFunction, LossValue } from "./train/loss.ts";
export { ortNode } from "./train/ort-node.ts";
export type { OnProgress, Progress, Stage } from "./train/progress.ts";
export { normal, permutation, random } from "./train/random.ts";
export { type TrainOptions, train } from "./train/trainer.ts";

export interface PruneOptions extends WeightChoice {
  readonly method?: MethodName; // smart, or dimap where there is no data
  readonly pattern?: SparsityPattern | string; // "block:16x8"
  readonly sparsity?: number; // fraction of the blocks removed; n:m has its own
  readonly maxSparsity?: number; // of any one layer
  /** How magnitude compares layers: weights as they are, relative to sqrt(2 / fan-in), or to the layer's own. */
  readonly scale?: Scale;
  readonly scope?: Scope; // one ranking over all layers, or the same sparsity in each
  /** What the sparsity is a fraction of: blocks, their weights or multiplications, or microseconds by a table. */
  readonly budget?: Budget;
  readonly keepChannels?: boolean; // leave dead channels where they are, before and after
  /** Without training images nothing is trained; without validation images no accuracy is measured. */
  readonly data?: { readonly train?: Dataset; readonly validation?: Dataset };
  /** Instead of the cross-entropy of a classifier: over its outputs, and labels and targets of the data. */
  readonly loss?: LossFunction;
  readonly schedule?: Partial<Schedule>;
  readonly seed?: number;
  readonly engine?: Engine;
  readonly threads?: number;
  readonly onProgress?: OnProgress;
  /** Where training keeps its state: killed and called again alike, it goes on and ends with the same bits. */
  readonly checkpoint?: CheckpointStore;
}

export interface Pruned {
  readonly graph: Graph; // simplified; its pruned weights are sparse constants
  readonly masks: ReadonlyMap<string, Mask>; // by weight
  readonly report: PruneReport;
}

/**
 * Prunes a network: with data, by a search (smart) and fine-tuning; without, at once by dimap, which keeps far more of
 * a network's accuracy than one ranking of its magnitudes. Methods without a search fine-tune for as many epochs as
 * smart searches and fine-tunes together.
 */
export async function prune(model: Uint8Array | Graph, options: PruneOptions = {}): Promise<Pruned> {
  const { seed = 0, engine = ortNode, threads } = options;
  const { train: images, validation } = options.data ?? {};
  const engineOptions = { threads };
  const source = model instanceof Uint8Array ? importModel(model) : model;
  const target = targetOf(options);
  const method = methodOf(options);
  for (const [what, dataset] of Object.entries({ training: images, validation })) {
    if (!dataset) continue;
    checkDataset(dataset, `${what} data`);
    checkFits(dataset, source, `${what} data`);
  }
  const remove = options.keepChannels ? keepAll : removeDeadChannels;
  const { graph: alive, removed: deadBefore } = remove(images ? trainable(source) : simplify(source));
  const dense = images ? await restoreNormalization(alive, images, engine, engineOptions) : alive;
  const { weights: chosen, skipped } = chooseWeights(dense, target.pattern, options);
  const schedule = scheduleOf(method, options.schedule);
  const coupled = images && target.pattern.kind === "channel" ? coupleChannels(dense, chosen) : chosen;
  const weights =
    images && schedule.search?.start === "norm-activation"
      ? await withActivations(dense, coupled, images, engine, engineOptions)
      : coupled;
  const perEpoch = images ? stepsPerEpoch(images, schedule.batch, schedule.epochImages) : 0;
  const { budget = "blocks" } = options;
  const costs = blockCosts(withPlaces(dense, weights), budget, target.pattern);
  const run = methods[method](
    weights,
    { ...target, costs },
    { steps: schedule.searchEpochs * perEpoch, seed, ...schedule.search },
  );
  // What the pattern cannot meet is known now, not after hours of search.
  run.masks();

  let graph = dense;
  let search: PruneReport["search"];
  const history = recordTraining(options.onProgress);
  if (images) {
    const { searchEpochs, fineTuneEpochs } = schedule;
    const parts = {
      engine,
      engineOptions,
      weights,
      clock: startClock((searchEpochs + fineTuneEpochs) * perEpoch),
      onProgress: history.onProgress,
      loss: options.loss,
      teacher: schedule.distillation && dense,
      checkpoint: options.checkpoint && {
        store: options.checkpoint,
        log: history,
        key: runKey(dense, images, [method, target, options.budget, schedule, seed, `${options.loss}`]),
      },
    };
    if (run.search && searchEpochs > 0) {
      const searching = { ...schedule, epochs: searchEpochs, seed };
      ({ graph, search } = await searchMasks(graph, images, searching, run, parts));
    }
    const masks = run.masks();
    graph = await train(
      harden(graph, weights, masks),
      images,
      { ...schedule, epochs: fineTuneEpochs, seed: seed + 1 },
      { ...parts, masks, stage: "fine-tune" },
    );
    const { statisticsImages = searchEpochs + fineTuneEpochs === 0 ? 2048 : 0 } = schedule;
    const measured = { images: statisticsImages, seed };
    graph = await measureStatistics(graph, images, measured, engine, engineOptions);
  }

  const masks = run.masks();
  const masked = simplify(harden(graph, weights, masks));
  const { graph: smaller, removed: deadAfter } = remove(masked);
  const sparse = cheaper(
    encodeWeights(masked, weights, masks),
    encodeWeights(smaller, weights, masks),
    deadAfter,
  );
  const isSmaller = sparse.nodes === smaller.nodes;
  const layers = layerReports(sparse, weights, masks);
  const sum = (of: (layer: (typeof layers)[number]) => number) =>
    layers.reduce((all, l) => all + of(l), 0);
  return {
    graph: sparse,
    masks,
    report: {
      model: sparse.name,
      method,
      pattern: formatPattern(target.pattern),
      sparsity: target.sparsity,
      budget: typeof budget === "string" ? budget : "latency",
      scope: target.scope ?? "global",
      seed,
      ...(await judge(dense, sparse, options, engine, engineOptions)),
      blocks: {
        total: sum((layer) => layer.blocks),
        asked: askedBlocks(target, weights),
        kept: sum((layer) => layer.keptBlocks),
      },
      elements: { total: sum((layer) => layer.elements), kept: sum((layer) => layer.keptElements) },
      bytes: constantBytes(sparse),
      channels: isSmaller ? removedTogether(deadBefore, deadAfter) : deadBefore,
      layers,
      skipped,
      search,
      training: images && history.steps,
      seconds: history.seconds,
    },
  };
}

/** On the validation data: the accuracy before and after, or the user's loss. */
async function judge(
  dense: Graph,
  sparse: Graph,
  { data, loss }: PruneOptions,
  engine: Engine,
  options: EngineOptions,
): Promise<Pick<PruneReport, "accuracy" | "loss">> {
  const validation = data?.validation;
  if (!validation) return {};
  if (loss) {
    const of = (graph: Graph) => meanLoss(graph, validation, loss, engine, options);
    return { loss: { before: await of(dense), after: await of(withDenseWeights(sparse)) } };
  }
  const of = (graph: Graph) => evaluate(graph, validation, engine, options);
  return { accuracy: { before: await of(dense), after: await of(sparse) } };
}

/** The network as a dense ONNX file with zeros where weights were removed: to compare with other runtimes. */
export function maskedOnnx(graph: Graph): Uint8Array {
  return exportOnnx(withDenseWeights(graph));
}

function withDenseWeights(graph: Graph): Graph {
  const constants = new Map<string, Tensor | SparseTensor>();
  for (const [name, constant] of graph.constants) {
    constants.set(name, "format" in constant ? decodeWeight(constant) : constant);
  }
  return { ...graph, constants };
}

/** The weights with the number of places at which each of their outputs is computed. */
function withPlaces(graph: Graph, weights: readonly NodeWeight[]) {
  const { values } = plan(graph);
  const outputOf = new Map(graph.nodes.map(({ name, outputs }) => [name, outputs[0]]));
  return weights.map((weight) => {
    const { shape } = values.get(outputOf.get(weight.node)!)!;
    return { ...weight, places: sizeOf(shape) / weight.blocks.shape[0] };
  });
}

/** Tells this run from any other: its network, data and options. */
function runKey(graph: Graph, { images, labels }: Dataset, options: unknown): string {
  const weights = [...graph.constants.values()].flatMap((constant) =>
    isSparse(constant) ? [] : [constant.data],
  );
  return keyOf([options, images.shape], [...weights, images.data.subarray(0, 10_000), labels]);
}

/** Throws a ModelError where the network takes other images. */
function checkFits({ images }: Dataset, { name, inputs }: Graph, what: string): void {
  if (inputs.length !== 1) {
    const names = inputs.map((input) => input.name).join(", ");
    throw new ModelError(
      `${what}: '${name}' has ${inputs.length} inputs (${names}); expected one, of images`,
    );
  }
  const [{ shape }] = inputs;
  const fits =
    shape.length === images.shape.length &&
    shape.slice(1).every((size, axis) => typeof size !== "number" || size === images.shape[axis + 1]);
  if (fits) return;
  throw new ModelError(
    `${what}: images are [${images.shape.slice(1)}], '${name}' takes ${inputs[0].name} [${shape}]`,
  );
}

function importModel(bytes: Uint8Array): Graph {
  return isTflite(bytes) ? importTflite(bytes) : importOnnx(bytes);
}

function targetOf({
  pattern = "block:16x8",
  sparsity,
  maxSparsity = 0.98,
  scale,
  scope,
}: PruneOptions): PruningTarget {
  const parsed = typeof pattern === "string" ? parsePattern(pattern) : pattern;
  if (parsed.kind !== "n:m")
    return { pattern: parsed, sparsity: sparsity ?? 0.7, maxSparsity, scale, scope };
  const own = 1 - parsed.n / parsed.m;
  if (sparsity !== undefined && Math.abs(sparsity - own) > 1e-6) {
    throw new ModelError(
      `the pattern ${formatPattern(parsed)} has the sparsity ${own}, not ${sparsity}; leave it out`,
    );
  }
  return { pattern: parsed, sparsity: own, maxSparsity, scale, scope };
}

function methodOf({ method, data }: PruneOptions): MethodName {
  const chosen = method ?? (data?.train ? "smart" : "dimap");
  if (!Object.hasOwn(methods, chosen)) {
    throw new ModelError(
      `method "${chosen}" is not known; expected one of ${Object.keys(methods).join(", ")}`,
    );
  }
  if (searching.has(chosen) && !data?.train) {
    throw new ModelError(
      `${chosen} learns its masks from images: give training data, or take the method dimap or magnitude`,
    );
  }
  return chosen;
}

/** Blocks that the target asks for. Of n:m: n of every full group. */
function askedBlocks({ pattern, sparsity }: PruningTarget, weights: readonly NodeWeight[]): number {
  if (pattern.kind !== "n:m") {
    return blockBudget(
      weights.reduce((sum, { blocks }) => sum + blocks.count, 0),
      sparsity,
    );
  }
  const { n, m, rows: shared = 1 } = pattern;
  return weights.reduce((sum, { blocks: { shape } }) => {
    const [outputs, inputs, taps] = matrixOf(shape);
    const rows = Math.ceil(outputs / shared) * taps;
    return sum + rows * (Math.floor(inputs / m) * n + Math.min(n, inputs % m));
  }, 0);
}

function harden(graph: Graph, weights: readonly NodeWeight[], masks: ReadonlyMap<string, Mask>): Graph {
  return multiplyMasks(graph, weights, masks);
}

/**
 * Stores each masked weight sparse, found by its node: simplifying may have renamed it. One that lost channels since
 * it was masked is stored as its zeros are now.
 */
function encodeWeights(
  graph: Graph,
  weights: readonly NodeWeight[],
  masks: ReadonlyMap<string, Mask>,
): Graph {
  const constants = new Map(graph.constants);
  const { values } = plan(graph);
  for (const { node: nodeName, name } of weights) {
    const mask = masks.get(name)!;
    if (count(mask.keep) === mask.keep.length) continue;
    const node = graph.nodes.find((candidate) => candidate.name === nodeName);
    if (!node) continue; // nobody reads it any more
    const [, weight] = node.inputs;
    const value = constants.get(weight) as Tensor<"float32">;
    const { shape } = values.get(node.outputs[0])!;
    const stored = sameShape(value.shape, mask.shape)
      ? encodeWeight(value, mask)
      : bestWay(value, surveyZeros(value), sizeOf(shape) / shape[1]).tensor;
    constants.set(weight, stored);
  }
  return { ...graph, constants };
}

/** The graph without dead channels, where that is predicted to run no slower: the blocks of what is left lie elsewhere. */
function cheaper(whole: Graph, smaller: Graph, { layers }: RemovedChannels): Graph {
  if (layers.length === 0) return whole;
  return predictGraph(smaller) <= predictGraph(whole) ? smaller : whole;
}

/** Cycles of all plain convolutions and products. */
function predictGraph(graph: Graph): number {
  const { values } = plan(graph);
  let cycles = 0;
  for (const { op, inputs, outputs, attrs } of graph.nodes) {
    const weight = op === "Conv" || op === "Gemm" ? graph.constants.get(inputs[1]) : undefined;
    if (!weight || (attrs.group ?? 1) !== 1 || (op === "Gemm" && !attrs.transB)) continue;
    const { shape } = values.get(outputs[0])!;
    cycles += predictCycles(weight, sizeOf(shape) / shape[1]);
  }
  return cycles;
}

function keepAll(graph: Graph): { graph: Graph; removed: RemovedChannels } {
  return { graph, removed: { layers: [], weights: { before: 0, after: 0 } } };
}

/** What two removals did, one after the other. */
function removedTogether(first: RemovedChannels, second: RemovedChannels): RemovedChannels {
  const layers = new Map(first.layers.map((layer) => [layer.node, layer]));
  for (const layer of second.layers) {
    layers.set(layer.node, { ...layer, before: layers.get(layer.node)?.before ?? layer.before });
  }
  return {
    layers: [...layers.values()],
    weights: { before: first.weights.before, after: second.weights.after },
  };
}
