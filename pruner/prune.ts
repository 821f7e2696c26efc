/** Prunes a network: import, simplify, choose the weights, search, fine-tune, store, report. */

import { ModelError } from "../runtime/model/errors.ts";
import { type Graph, isSparse } from "../runtime/model/graph.ts";
import { formatPattern, type Mask } from "../runtime/model/pattern.ts";
import { matrixOf } from "../runtime/model/sparse/format.ts";
import { sizeOf } from "../runtime/model/tensor.ts";
import { plan } from "../runtime/plan.ts";
import { checkDataset, type Dataset } from "./data/dataset.ts";
import { encodePruned } from "./encode.ts";
import { importOnnx } from "./import/onnx.ts";
import { importTflite, isTflite } from "./import/tflite.ts";
import { blockCosts } from "./methods/costs.ts";
import { methods } from "./methods/index.ts";
import type { PruningRun, PruningTarget } from "./methods/method.ts";
import { methodOf, type PruneOptions, targetOf } from "./options.ts";
import { blockBudget } from "./pattern.ts";
import { constantBytes, layerReports, type PruneReport } from "./report.ts";
import { type Schedule, scheduleOf } from "./schedule.ts";
import { nothingRemoved, removeDeadChannels, removedTogether } from "./simplify/channels.ts";
import { simplify } from "./simplify.ts";
import { withActivations } from "./train/activations.ts";
import { keyOf } from "./train/checkpoint.ts";
import { coupleChannels } from "./train/coupling.ts";
import type { Engine, EngineOptions } from "./train/engine.ts";
import { evaluate } from "./train/evaluate.ts";
import { recordTraining } from "./train/history.ts";
import { meanLoss } from "./train/loss.ts";
import { multiplyMasks } from "./train/masking.ts";
import { restoreNormalization } from "./train/normalize.ts";
import { ortNode } from "./train/ort-node.ts";
import { startClock } from "./train/progress.ts";
import { searchMasks } from "./train/search.ts";
import { measureStatistics } from "./train/statistics.ts";
import { trainable } from "./train/trainable.ts";
import { stepsPerEpoch, train } from "./train/trainer.ts";
import { chooseWeights, type NodeWeight } from "./weights.ts";

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
  const plain = images ? trainable(source) : simplify(source);
  const { graph: alive, removed: deadBefore } = options.keepChannels
    ? { graph: plain, removed: nothingRemoved }
    : removeDeadChannels(plain);
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

  const history = recordTraining(options.onProgress);
  const { graph, search } = images
    ? await trainMasked(
        dense,
        images,
        { weights, run, schedule, history, what: [method, target] },
        options,
      )
    : { graph: dense };

  const masks = run.masks();
  const masked = simplify(multiplyMasks(graph, weights, masks));
  const { graph: sparse, removed: deadAfter } = encodePruned(masked, weights, masks, options);
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
      channels: removedTogether(deadBefore, deadAfter),
      layers,
      skipped,
      search,
      training: images && history.steps,
      seconds: history.seconds,
    },
  };
}

/** What is trained: weights whose masks `run` decides. */
interface Masked {
  readonly weights: readonly NodeWeight[];
  readonly run: PruningRun;
  readonly schedule: Schedule;
  readonly history: ReturnType<typeof recordTraining>;
  readonly what: readonly unknown[]; // tells this run from others, besides
}

/** The network after the search and the fine-tuning; its masked weights are not yet zeros. */
async function trainMasked(
  dense: Graph,
  images: Dataset,
  { weights, run, schedule, history, what }: Masked,
  options: PruneOptions,
): Promise<{ graph: Graph; search?: PruneReport["search"] }> {
  const { seed = 0, engine = ortNode, threads, budget, loss, checkpoint } = options;
  const { searchEpochs, fineTuneEpochs } = schedule;
  const epochs = searchEpochs + fineTuneEpochs;
  const engineOptions = { threads };
  const parts = {
    engine,
    engineOptions,
    weights,
    clock: startClock(epochs * stepsPerEpoch(images, schedule.batch, schedule.epochImages)),
    onProgress: history.onProgress,
    loss,
    teacher: schedule.distillation && dense,
    checkpoint: checkpoint && {
      store: checkpoint,
      log: history,
      key: runKey(dense, images, [...what, budget, schedule, seed, `${loss}`]),
    },
  };
  const searching = { ...schedule, epochs: searchEpochs, seed };
  const { graph: searched, search } =
    run.search && searchEpochs > 0
      ? await searchMasks(dense, images, searching, run, parts)
      : { graph: dense, search: undefined };
  const masks = run.masks();
  const tuned = await train(
    multiplyMasks(searched, weights, masks),
    images,
    { ...schedule, epochs: fineTuneEpochs, seed: seed + 1 },
    { ...parts, masks, stage: "fine-tune" },
  );
  const { statisticsImages = epochs === 0 ? 2048 : 0 } = schedule;
  const measured = { images: statisticsImages, seed };
  return { graph: await measureStatistics(tuned, images, measured, engine, engineOptions), search };
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
    return { loss: { before: await of(dense), after: await of(sparse) } };
  }
  const of = (graph: Graph) => evaluate(graph, validation, engine, options);
  return { accuracy: { before: await of(dense), after: await of(sparse) } };
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
