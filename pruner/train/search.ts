/** The search stage: weights and masks are trained together, and how soft the masks are is written down. */
import type { Graph } from "../../runtime/model/graph.ts";
import { type Dataset, first } from "../data/dataset.ts";
import type { PruningRun } from "../methods/method.ts";
import { expandTo } from "../pattern.ts";
import type { PruneReport, SearchEpoch, SearchStep } from "../report.ts";
import { evaluate } from "./evaluate.ts";
import { multiplyMasks, type TrainOptions, type TrainParts, train } from "./trainer.ts";

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

  const soften = (current: Graph) =>
    multiplyMasks(current, weights, ({ name, blocks }) =>
      expandTo(blocks, search.softMask(name), new Float32Array(blocks.of.length)),
    );
  const compare = async (epoch: number, current: Graph) => {
    const soft = soften(current);
    const masks = run.masks();
    const hard = multiplyMasks(soft, weights, ({ name }) => masks.get(name)!.keep);
    const [lossSoft, lossHard] = [
      (await evaluate(soft, probe, parts.engine, parts.engineOptions)).loss,
      (await evaluate(hard, probe, parts.engine, parts.engineOptions)).loss,
    ];
    epochs.push({ epoch, ...search.state(), lossSoft, lossHard });
  };

  await compare(0, graph);
  let step = 0;
  const trained = await train(graph, data, options, {
    ...parts,
    stage: "search",
    search,
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
