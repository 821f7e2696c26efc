/**
 * One stage of training: plain, with a mask search, or with masks held fixed.
 * SGD with momentum; the rate falls by a cosine from `learningRate` to a hundredth of it.
 */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import type { Mask } from "../../runtime/model/pattern.ts";
import type { SparseTensor } from "../../runtime/model/sparse/format.ts";
import { type Tensor, tensor, zeros } from "../../runtime/model/tensor.ts";
import type { Dataset } from "../data/dataset.ts";
import { exportOnnx } from "../export/onnx.ts";
import type { PrunableWeight, PruningRun } from "../methods/method.ts";
import { blockSums, expandTo } from "../pattern.ts";
import { stepNames, trainingStep } from "./autodiff.ts";
import { type Batch, batches } from "./batches.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { argmax } from "./evaluate.ts";
import { type Clock, type OnProgress, type Stage, startClock } from "./progress.ts";
import { random } from "./random.ts";

export interface TrainOptions {
  readonly epochs: number;
  readonly batch?: number;
  readonly learningRate?: number;
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly shift?: number; // images are moved by up to so many pixels
  readonly seed?: number;
}

/** What is pruned while training, and who is told of it. */
export interface TrainParts {
  readonly engine: Engine;
  readonly engineOptions?: EngineOptions;
  readonly stage?: Stage;
  readonly weights?: readonly PrunableWeight[];
  readonly search?: PruningRun["search"]; // moves the masks of `weights`
  readonly masks?: ReadonlyMap<string, Mask>; // holds the masks of `weights`
  readonly clock?: Clock;
  readonly onProgress?: OnProgress;
  /** After each epoch, with the network as it stands: weights not yet multiplied by their masks. */
  readonly onEpoch?: (epoch: number, graph: Graph) => Promise<void>;
}

type Feeds = Record<string, Tensor<"float32">>;

/** Steps of one epoch. */
export function stepsPerEpoch(data: Dataset, batch = 64): number {
  const images = data.labels.length;
  if (images < batch)
    throw new ModelError(`${images} training images are less than one batch of ${batch}`);
  return Math.floor(images / batch);
}

/** The graph with its weights trained. Throws a ModelError where the loss is no longer finite. */
export async function train(
  graph: Graph,
  data: Dataset,
  {
    epochs,
    batch = 64,
    learningRate = 0.05,
    momentum = 0.9,
    weightDecay = 5e-4,
    shift = 0,
    seed = 0,
  }: TrainOptions,
  { engine, engineOptions, stage = "train", weights = [], search, masks, onEpoch, ...parts }: TrainParts,
): Promise<Graph> {
  const perEpoch = stepsPerEpoch(data, batch);
  const clock = parts.clock ?? startClock(epochs * perEpoch);
  const masked = search || masks ? weights.map(({ name }) => name) : [];
  const step = trainingStep(graph, { batch, masked, momentum, weightDecay });
  if (step.classes < data.classes) {
    throw new ModelError(`the network has ${step.classes} classes, the data ${data.classes}`);
  }
  const program = await engine.compile(exportOnnx(step.graph), engineOptions);
  const feeds = firstFeeds(graph, step, masked, masks);
  const uniform = random(seed);
  const recent = { loss: average(), accuracy: average() };
  const trained = [...step.parameters, ...step.parameters.map(stepNames.velocity), ...step.averages];
  const steps = epochs * perEpoch;
  let done = 0;
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      for (const images of batches({ ...data, classes: step.classes }, batch, uniform, shift)) {
        if (search) feedSoftMasks(feeds, weights, search);
        feeds[step.image] = images.images;
        feeds[stepNames.labels] = images.labels;
        feeds[stepNames.rate] = tensor([], Float32Array.of(cosine(learningRate, done / steps)));
        const results = await program.run(feeds);
        const loss = results[stepNames.loss].data[0];
        if (!Number.isFinite(loss)) {
          throw new ModelError(
            `the loss is ${loss} at step ${done + 1} of the ${stage} stage; lower the learning rate`,
          );
        }
        for (const name of trained) feeds[name] = results[stepNames.next(name)];
        done++;
        search?.step(maskGradients(results, weights), done / steps);
        const { step: at, secondsLeft } = clock.tick();
        parts.onProgress?.({
          stage,
          epoch,
          epochs,
          step: at,
          steps: clock.steps,
          loss: recent.loss(loss),
          accuracy: recent.accuracy(accuracyOf(results[stepNames.logits], images)),
          softFraction: search?.state().softFraction,
          secondsLeft,
        });
      }
      await onEpoch?.(epoch, withConstants(graph, feeds, [...step.parameters, ...step.averages]));
    }
  } finally {
    await program.dispose();
  }
  return withConstants(graph, feeds, [...step.parameters, ...step.averages]);
}

/** The graph with each weight multiplied by its mask: one value a block for soft masks, 0 or 1 for hard ones. */
export function multiplyMasks(
  graph: Graph,
  weights: readonly PrunableWeight[],
  maskOf: (weight: PrunableWeight) => ArrayLike<number>,
): Graph {
  const constants = new Map<string, Tensor | SparseTensor>(graph.constants);
  for (const weight of weights) {
    const { data, shape } = constants.get(weight.name) as Tensor<"float32">;
    const mask = maskOf(weight);
    constants.set(
      weight.name,
      tensor(
        shape,
        data.map((value, e) => value * mask[e]),
      ),
    );
  }
  return { ...graph, constants };
}

function firstFeeds(
  graph: Graph,
  step: ReturnType<typeof trainingStep>,
  masked: readonly string[],
  masks: ReadonlyMap<string, Mask> | undefined,
): Feeds {
  const feeds: Feeds = {};
  for (const name of [...step.parameters, ...step.averages]) {
    feeds[name] = graph.constants.get(name) as Tensor<"float32">;
  }
  for (const name of step.parameters) feeds[stepNames.velocity(name)] = zeros(feeds[name].shape);
  for (const name of masked) {
    const keep = masks?.get(name)?.keep;
    const { shape, data } = feeds[name];
    feeds[stepNames.mask(name)] = keep ? tensor(shape, Float32Array.from(keep)) : zeros(shape);
    // A removed weight is 0 from the start, so that weight decay and momentum leave it there.
    if (keep)
      feeds[name] = tensor(
        shape,
        data.map((value, e) => value * keep[e]),
      );
  }
  return feeds;
}

function feedSoftMasks(
  feeds: Feeds,
  weights: readonly PrunableWeight[],
  search: NonNullable<PruningRun["search"]>,
): void {
  for (const { name, blocks } of weights) {
    expandTo(blocks, search.softMask(name), feeds[stepNames.mask(name)].data);
  }
}

/** dL/dmask of each block: sum over its elements of w dL/d(w mask). */
function maskGradients(results: Feeds, weights: readonly PrunableWeight[]): Map<string, Float64Array> {
  return new Map(
    weights.map(({ name, blocks }) => {
      return [name, blockSums(blocks, results[stepNames.maskGradient(name)].data)];
    }),
  );
}

function cosine(peak: number, progress: number): number {
  const least = peak / 100;
  return least + ((peak - least) * (1 + Math.cos(Math.PI * progress))) / 2;
}

function accuracyOf(logits: Tensor<"float32">, { labels }: Batch): number {
  const [rows, classes] = logits.shape;
  let correct = 0;
  for (let row = 0; row < rows; row++) {
    const best = argmax(logits.data.subarray(row * classes, (row + 1) * classes));
    if (labels.data[row * classes + best] === 1) correct++;
  }
  return correct / rows;
}

/** Running mean over about the latest 50 values. */
function average(): (value: number) => number {
  let mean = 0;
  let count = 0;
  return (value) => {
    count = Math.min(count + 1, 50);
    mean += (value - mean) / count;
    return mean;
  };
}

function withConstants(graph: Graph, feeds: Feeds, names: readonly string[]): Graph {
  const constants = new Map(graph.constants);
  for (const name of names) constants.set(name, feeds[name]);
  return { ...graph, constants };
}
