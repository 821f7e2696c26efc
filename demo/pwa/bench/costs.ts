/** The file of costs that `filigree prune --budget latency --costs FILE` reads, measured in this page. */
import { proxy } from "comlink";
import type { CostFile } from "../../../pruner/index.ts";
import type { Helper } from "../helper.ts";
import type { CostVariant } from "../pruning/cost-variants.ts";
import type { CostStep } from "../race/job.ts";
import type { RaceApi } from "../race/worker.ts";
import type { Device } from "./device.ts";

const rounds = 6;

/** Every layer at each density, by turns. */
export async function measureCosts(
  model: string,
  variants: readonly CostVariant[],
  threads: number,
  device: Device,
  worker: Helper<RaceApi>,
  onProgress: (done: number, total: number) => void,
): Promise<CostFile> {
  const models = variants.map(({ name, model }) => ({ name, model }));
  const timed = (await worker.call((api) =>
    api.steps(
      models,
      threads,
      rounds,
      proxy((_, done, total) => onProgress(done, total)),
    ),
  )) as CostStep[];
  const stepsOf = new Map(timed.map(({ name, steps }) => [name, steps]));
  const layers = Object.keys(variants[0].keptBlocks).map((node) => {
    const points = new Map<number, number>(); // microseconds by kept blocks
    for (const { name, keptBlocks } of variants) {
      // Fused nodes are one step, named by the first: "Conv 'a' + Add + Relu".
      const steps = stepsOf.get(name)!.filter((step) => step.node.includes(`'${node}'`));
      const milliseconds = steps.reduce((sum, { ms }) => sum + ms, 0);
      points.set(keptBlocks[node], Math.round(1e6 * milliseconds) / 1000);
    }
    return { node, points: Array.from(points, ([kept, microseconds]) => ({ kept, microseconds })) };
  });
  const { pattern } = variants[0];
  const where = `${device.name}, ${threads} ${threads > 1 ? "threads" : "thread"}`;
  return { filigree: "costs", version: 1, model, device: where, pattern, layers };
}
