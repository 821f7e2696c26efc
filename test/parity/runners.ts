/** On what a model is run, how much of it, and how long that takes, about. */
import { findChromium } from "../../pruner/bench/chromium.ts";
import type { BackendName, Runner } from "./check.ts";
import type { ParityModel } from "./models.ts";
import { secondsOf } from "./schedule.ts";
import type { VariantName } from "./variants.ts";

export const backendNames: readonly BackendName[] = ["reference", "wasm", "webgpu", "chromium"];

export interface RunnerOptions {
  readonly backends?: readonly BackendName[]; // all, where they are left out
  readonly threads: readonly number[];
  readonly effort: keyof typeof taskGflops;
}

/** Work on a task, in GFLOP: plain loops do a fifth of one in a second, wasm tens. */
const taskGflops = {
  usual: { reference: 1, first: 3000, second: 300 },
  quick: { reference: 0.2, first: 40, second: 10 },
  full: { reference: 4, first: Infinity, second: Infinity },
};

/**
 * What plain loops run of a network of so many GFLOP: they compute with decoded weights, so that variants differ in
 * their decoding only.
 */
const referenceVariants: readonly {
  readonly from: number;
  readonly variants: readonly VariantName[];
}[] = [
  { from: 15, variants: ["dense"] },
  { from: 2, variants: ["dense", "16x8"] },
];

/** What Chromium runs where nothing else is asked for: it takes the same kernels, and seconds to start. */
const inChromium = [
  "cifar10/resnet20",
  "cifar10/mobilevit_xxs_64",
  "coco/yolov5n_640.AGPL",
  "segmentation/espnet_p2q8_camvid",
  "sparse/face_detection_full_range_sparse",
  "zoo/deit-tiny",
];

export function runnersFor(model: ParityModel, { backends, threads, effort }: RunnerOptions): Runner[] {
  const budget = taskGflops[effort];
  const usual = backendNames.filter(
    (name) =>
      name !== "webgpu" && (name !== "chromium" || (inChromium.includes(model.name) && findChromium())),
  );
  return (backends ?? usual).flatMap((backend): Runner[] => {
    if (backend === "reference") {
      const gflops = model.loadSmall ? 0 : gflopsOf(model);
      const limit = effort === "full" ? undefined : referenceVariants.find(({ from }) => gflops >= from);
      return [{ backend, threads: 1, taskGflops: budget.reference, variants: limit?.variants }];
    }
    if (backend === "webgpu") return [{ backend, threads: 1, taskGflops: 0 }];
    if (backend === "chromium") {
      return [{ backend, threads: Math.max(...threads), taskGflops: 0 }];
    }
    return threads.map((count, i) => {
      return { backend, threads: count, taskGflops: i === 0 ? budget.first : budget.second };
    });
  });
}

/** For the progress: rows of a model, and its task. */
export function secondsOfModel(
  model: ParityModel,
  runners: readonly Runner[],
  variantCount: number,
): number {
  const gflops = gflopsOf(model);
  return runners.reduce((sum, { backend, taskGflops, variants }) => {
    const small = backend === "reference" && model.loadSmall ? 0.05 : 1;
    const count = Math.min(variantCount, variants?.length ?? variantCount);
    const runs = count * secondsOf(backend, small * gflops);
    const task = model.task ? secondsOf(backend, Math.min(taskGflops, 10_000 * gflops)) : 0;
    return sum + runs + task;
  }, 0);
}

function gflopsOf(model: ParityModel): number {
  try {
    return model.gflops();
  } catch {
    return 1; // it cannot be imported: its rows will say so
  }
}
