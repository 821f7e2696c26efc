/** The search stage: weights and masks are trained together, and how soft the masks are is written down. */
import type { Graph } from "../../runtime/model/graph.ts";
import { type Dataset, first } from "../data/dataset.ts";
import type { PruningRun } from "../methods/method.ts";
import { sparsityOf } from "../pattern.ts";
import type { PruneReport, SearchEpoch, SearchStep } from "../report.ts";
import { evaluate } from "./evaluate.ts";
import { meanLoss } from "./loss.ts";
import { multiplyMasks } from "./masking.ts";
import type { TrainOptions, TrainParts } from "./options.ts";
import { train } from "./trainer.ts";

/** Training images on which soft and hard masks are compared. */
const probeImages = 500;
/** How many of the steps are reported. */
const reportedSteps = 100;

/** The graph with each weight multiplied by its soft mask, and the trajectory of the search. */
export async function searchMasks(
  graph: Graph,
  data: Dataset,
  options: TrainOptions,
  run: PruningRun,
  parts: TrainParts,
): Promise<{ graph: Graph; search: NonNullable<PruneReport["search"]> }> {
  const search = run.search!;
  const weights = parts.weights!;
  const probe = first(data, probeImages);
  const epochs: SearchEpoch[] = [];
  const steps: SearchStep[] = [];
  const { engine, engineOptions, loss } = parts;
  const lossOf = async (network: Graph) =>
    loss
      ? meanLoss(network, probe, loss, engine, engineOptions)
      : (await evaluate(network, probe, engine, engineOptions)).loss;

  const soften = (current: Graph) => multiplyMasks(current, weights, search);
  const compare = async (epoch: number, current: Graph) => {
    const soft = soften(current);
    const masks = run.masks();
    const [lossSoft, lossHard] = [await lossOf(soft), await lossOf(multiplyMasks(soft, weights, masks))];
    const sparsity = Object.fromEntries(Array.from(masks, ([name, mask]) => [name, sparsityOf(mask)]));
    epochs.push({ epoch, ...search.state(), lossSoft, lossHard, sparsity });
  };

  let step = 0;
  const log = {
    read: () => ({ step, epochs, steps, training: parts.checkpoint?.log?.read() }),
    restore(stored: unknown) {
      const past = stored as ReturnType<typeof this.read>;
      step = past.step;
      epochs.splice(0, epochs.length, ...past.epochs);
      steps.splice(0, steps.length, ...past.steps);
      parts.checkpoint?.log?.restore(past.training);
    },
  };
  await compare(0, graph);
  const trained = await train(graph, data, options, {
    ...parts,
    stage: "search",
    search,
    checkpoint: parts.checkpoint && { ...parts.checkpoint, log },
    onEpoch: compare,
    onProgress(progress) {
      const every = Math.ceil(progress.steps / reportedSteps);
      if (step++ % every === 0) steps.push({ step, ...search.state() });
      parts.onProgress?.(progress);
    },
  });
  steps.push({ step, ...search.state() });
  return { graph: soften(trained), search: { epochs, steps } };
}
