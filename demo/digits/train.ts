/** Trains the digits network and prunes it twice from the same start: by SMART, and by magnitude. */
import {
  type Dataset,
  type Graph,
  type OnProgress,
  ortNode,
  type Progress,
  type PruneReport,
  prune,
  simplify,
  train,
} from "../../pruner/index.ts";
import { loadDigits } from "./data.ts";
import { digitsNetwork } from "./network.ts";

/** Chosen on a part of the training digits, never on the test digits. */
const denseRate = 0.2;
const pruneRate = 0.1;
const shift = 1; // pixels: without it the networks learn their 8 000 digits by heart

export interface DigitsOptions {
  readonly seed?: number;
  readonly pattern?: string;
  readonly sparsity?: number;
  readonly denseEpochs?: number;
  readonly searchEpochs?: number; // of SMART; magnitude fine-tunes longer instead
  readonly fineTuneEpochs?: number;
  readonly threads?: number;
}

export interface DigitsResult {
  readonly dense: Graph; // simplified: BatchNormalization is folded
  readonly smart: PrunedDigits;
  readonly magnitude: PrunedDigits;
  readonly test: Dataset; // 2 000 digits that no training has seen
  /** Wall time of each, evaluation included. */
  readonly seconds: Readonly<Record<"dense" | "smart" | "magnitude", number>>;
}

export interface PrunedDigits {
  readonly graph: Graph;
  readonly report: PruneReport;
}

/** What is being trained now, and how far the whole run is. */
export interface DigitsProgress extends Progress {
  readonly network: "dense" | "smart" | "magnitude";
  readonly fraction: number; // of the steps of all three
}

export async function trainDigits(
  {
    seed = 1,
    pattern = "block:16x8",
    sparsity = 0.7,
    denseEpochs = 3,
    searchEpochs = 2,
    fineTuneEpochs = 1,
    threads,
  }: DigitsOptions = {},
  onProgress?: (progress: DigitsProgress) => void,
): Promise<DigitsResult> {
  const { train: images, test } = await loadDigits(seed);
  const epochs = denseEpochs + 2 * (searchEpochs + fineTuneEpochs);
  const run = countStages(epochs, onProgress);

  const trained = await run.stage("dense", denseEpochs, (onStep) =>
    train(
      digitsNetwork(seed),
      images,
      { epochs: denseEpochs, learningRate: denseRate, shift, seed },
      { engine: ortNode, engineOptions: { threads }, onProgress: onStep },
    ),
  );
  const pruneBy = (method: "smart" | "magnitude") =>
    run.stage(method, searchEpochs + fineTuneEpochs, (onStep) =>
      prune(trained, {
        method,
        pattern,
        sparsity,
        data: { train: images, validation: test },
        schedule: { searchEpochs, fineTuneEpochs, learningRate: pruneRate, shift },
        seed,
        threads,
        onProgress: onStep,
      }),
    );
  const smart = await pruneBy("smart");
  const magnitude = await pruneBy("magnitude");
  return { dense: simplify(trained), smart, magnitude, test, seconds: run.seconds };
}

/** Times the stages, and puts the progress of each into that of the whole run. */
function countStages(allEpochs: number, onProgress?: (progress: DigitsProgress) => void) {
  const started = performance.now();
  const seconds = { dense: 0, smart: 0, magnitude: 0 };
  let doneEpochs = 0;
  return {
    seconds,
    async stage<T>(
      network: DigitsProgress["network"],
      epochs: number,
      work: (onStep: OnProgress) => Promise<T>,
    ): Promise<T> {
      const stageStarted = performance.now();
      const result = await work((progress) => {
        const fraction = (doneEpochs + (epochs * progress.step) / progress.steps) / allEpochs;
        const elapsed = (performance.now() - started) / 1000;
        const secondsLeft = (elapsed / fraction) * (1 - fraction);
        onProgress?.({ ...progress, network, fraction, secondsLeft });
      });
      doneEpochs += epochs;
      seconds[network] = (performance.now() - stageStarted) / 1000;
      return result;
    },
  };
}
