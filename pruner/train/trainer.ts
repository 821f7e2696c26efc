/** One stage of training: plain, with a mask search, or with masks held fixed. */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import type { Dataset } from "../data/dataset.ts";
import { exportOnnx } from "../export/onnx.ts";
import type { PrunableWeight } from "../methods/method.ts";
import { stepNames, trainingStep } from "./autodiff.ts";
import { type Batch, batches, batchesPerEpoch } from "./batches.ts";
import type { Program } from "./engine.ts";
import { argmax } from "./evaluate.ts";
import { type LossFunction, lossInputs } from "./loss.ts";
import {
  type MaskedConstant,
  maskedConstants,
  maskGradients,
  movedOf,
  takeMasks,
  takeSoftMasks,
} from "./masking.ts";
import { createOptimizer } from "./optimizer.ts";
import type { TrainOptions, TrainParts } from "./options.ts";
import { startClock } from "./progress.ts";
import { rateAt } from "./rate.ts";
import { restoreStage, runningMean, saveStage, type TrainingState } from "./stage.ts";

/** Steps of one epoch. */
export function stepsPerEpoch(data: Dataset, batch = 64, epochImages = Infinity): number {
  const images = Math.min(data.labels.length, epochImages);
  if (images < batch)
    throw new ModelError(`${images} training images are less than one batch of ${batch}`);
  return batchesPerEpoch(data, { size: batch, epochImages });
}

/** The graph with its weights trained. Throws a ModelError where the loss is no longer finite. */
export async function train(
  graph: Graph,
  data: Dataset,
  options: TrainOptions,
  parts: TrainParts,
): Promise<Graph> {
  const { epochs, batch = 64, weightDecay = 5e-4, epochImages, seed = 0, distillation } = options;
  const { engine, engineOptions, stage = "train", weights = [], search, masks, checkpoint } = parts;
  const perEpoch = stepsPerEpoch(data, batch, epochImages);
  const clock = parts.clock ?? startClock(epochs * perEpoch);
  const channelBlock = await engine.channelBlock?.();
  const loss = parts.loss && { of: parts.loss, data };
  checkLoss(options, data, parts.loss);
  const step = trainingStep(graph, { batch, distillation, channelBlock, loss });
  if (step.classes < data.classes) {
    throw new ModelError(`the network has ${step.classes} classes, the data ${data.classes}`);
  }
  const images = { ...data, classes: step.classes };
  const values = new Map<string, Tensor<"float32">>();
  for (const name of [...step.parameters, ...step.averages]) {
    const { shape, data: value } = graph.constants.get(name) as Tensor<"float32">;
    values.set(name, tensor(shape, value.slice()));
  }
  const valuesOf = (name: string) => values.get(name)!.data;
  const masked = search || masks ? maskedOf(weights, values) : [];
  if (masks) {
    takeMasks(masked, masks);
    holdZeros(masked, valuesOf);
  }
  const isMasked = new Map(masked.map((constant) => [constant.name, constant]));
  const optimizer = createOptimizer(options);
  const recent = { loss: runningMean(), accuracy: runningMean() };
  const state: TrainingState = { values, optimizer, search, recent, done: 0, restarts: 0 };
  const steps = epochs * perEpoch;

  const save = () => checkpoint && saveStage(state, stage, checkpoint);
  if (checkpoint && (await restoreStage(state, stage, checkpoint))) clock.skip(state.done);
  const trained = () => withConstants(graph, values);
  if (state.done === steps) return trained();

  const programs: Program[] = [];
  const compile = async (onnx: Uint8Array) => {
    programs.push(await engine.compile(onnx, engineOptions));
    return programs.at(-1)!;
  };
  const batchOptions = { ...options, size: batch, seed };
  try {
    const program = await compile(exportOnnx(step.graph));
    const teacher = distillation && (await teacherOf(parts.teacher, batch, compile));
    let saved = performance.now();
    while (state.done < steps) {
      const epoch = Math.floor(state.done / perEpoch) + 1;
      for (const images_ of batches(images, batchOptions, epoch, state.done % perEpoch)) {
        if (search) {
          takeSoftMasks(masked, search);
          if (search.holdsZeros) holdZeros(masked, valuesOf);
        }
        for (const { name, mask, masked: product } of masked) {
          const value = valuesOf(name);
          for (let e = 0; e < value.length; e++) product[e] = value[e] * mask[e];
        }
        const feeds: Record<string, Tensor<"float32">> = {
          [step.image]: images_.images,
          [stepNames.labels]: images_.labels,
        };
        if (images_.targets) feeds[lossInputs.targets] = images_.targets;
        if (teacher) feeds[stepNames.teacher] = await teacher(images_);
        for (const [name, value] of values) {
          feeds[name] = isMasked.has(name) ? tensor(value.shape, isMasked.get(name)!.masked) : value;
        }
        const results = await program.run(feeds);
        const lossNow = results[stepNames.loss].data[0];
        if (!Number.isFinite(lossNow)) {
          throw new ModelError(
            `the loss is ${lossNow} at step ${state.done + 1} of the ${stage} stage; lower the learning rate`,
          );
        }

        const gradientOf = (name: string) => results[stepNames.gradient(name)].data;
        const blockGradients = search && maskGradients(masked, valuesOf, gradientOf);
        const rate = rateAt(options, state.done, steps);
        for (const name of step.parameters) {
          const { shape, data: value } = values.get(name)!;
          const own = isMasked.get(name);
          const gradient = own ? product(gradientOf(name), own.mask) : gradientOf(name);
          if (own?.weight.name === name) {
            search?.throughMask?.(name, value, blockGradients!.get(name)!, gradient);
          }
          optimizer.step(name, value, gradient, rate, shape.length >= 2 ? weightDecay : 0);
        }
        for (const name of step.averages) valuesOf(name).set(results[stepNames.next(name)].data);
        if (masks) holdZeros(masked, valuesOf);
        state.done++;
        search?.step(blockGradients!, state.done / steps, movedOf(masked, valuesOf, gradientOf));
        if (search?.restarts !== undefined && search.restarts !== state.restarts) {
          state.restarts = search.restarts;
          optimizer.forget();
        }
        const { step: at, secondsLeft } = clock.tick();
        parts.onProgress?.({
          stage,
          epoch,
          epochs,
          step: at,
          steps: clock.steps,
          loss: recent.loss.add(lossNow),
          accuracy: loss
            ? Number.NaN
            : recent.accuracy.add(accuracyOf(results[stepNames.logits], images_)),
          softFraction: search?.state().softFraction,
          secondsLeft,
        });
        const isDue = performance.now() - saved > 1000 * (checkpoint?.everySeconds ?? 60);
        if (checkpoint && isDue && state.done % perEpoch !== 0) {
          await save();
          saved = performance.now();
        }
      }
      await parts.onEpoch?.(epoch, trained());
      await save();
      saved = performance.now();
    }
  } finally {
    for (const program of programs) await program.dispose();
  }
  return trained();
}

/** What a loss of the user's cannot be combined with. */
function checkLoss(options: TrainOptions, { targets }: Dataset, loss?: LossFunction): void {
  if (targets && !loss)
    throw new ModelError("the data has targets, but there is no loss that reads them");
  if (!loss) return;
  if (options.distillation)
    throw new ModelError("distillation is of classifiers; leave it out with a loss");
  const moved = (["shift", "flip"] as const).filter((name) => options[name]);
  if (targets && moved.length > 0) {
    throw new ModelError(
      `${moved.join(" and ")} would move the images and not their targets; do it in the module`,
    );
  }
}

function maskedOf(
  weights: readonly PrunableWeight[],
  values: ReadonlyMap<string, Tensor<"float32">>,
): MaskedConstant[] {
  return maskedConstants(weights, (name) => {
    const value = values.get(name);
    if (!value) throw new ModelError(`the masked constant '${name}' is not trained`);
    return value.data.length;
  });
}

function product(a: Float32Array, b: Float32Array): Float32Array {
  const results = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) results[i] = a[i] * b[i];
  return results;
}

/** A removed weight is 0 from the start, so that weight decay and momentum leave it there. */
function holdZeros(masked: readonly MaskedConstant[], valuesOf: (name: string) => Float32Array): void {
  for (const { name, mask } of masked) {
    const value = valuesOf(name);
    for (let e = 0; e < value.length; e++) if (mask[e] === 0) value[e] = 0;
  }
}

/** The teacher's logits for a batch. */
async function teacherOf(
  teacher: Graph | undefined,
  batch: number,
  compile: (onnx: Uint8Array) => Promise<Program>,
): Promise<(images: Batch) => Promise<Tensor<"float32">>> {
  if (!teacher) throw new ModelError("distillation needs a teacher: the dense network");
  const program = await compile(exportOnnx(teacher, { batch }));
  return async ({ images }) => {
    const results = await program.run({ [teacher.inputs[0].name]: images });
    const { data } = results[teacher.outputs[0].name];
    return tensor([batch, data.length / batch], data);
  };
}

function accuracyOf(logits: Tensor<"float32">, { labels }: Batch): number {
  const [rows, classes] = logits.shape;
  let correct = 0;
  for (let row = 0; row < rows; row++) {
    const [found, label] = [logits, labels].map(({ data }) =>
      argmax(data.subarray(row * classes, (row + 1) * classes)),
    );
    if (found === label) correct++;
  }
  return correct / rows;
}

/** The graph with copies of the values. */
function withConstants(graph: Graph, values: ReadonlyMap<string, Tensor<"float32">>): Graph {
  const constants = new Map(graph.constants);
  for (const [name, { shape, data }] of values) constants.set(name, tensor(shape, data.slice()));
  return { ...graph, constants };
}
