/** Runs one cell. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  checkpointFolder,
  type Dataset,
  evaluate,
  exportOnnx,
  type Graph,
  importOnnx,
  isSparse,
  ortNode,
  prune,
  simplify,
  split,
  subset,
  tensor,
  writeModel,
} from "../../pruner/index.ts";
import { argmax } from "../../pruner/train/evaluate.ts";
import { flopsOf } from "../../runtime/ops/work.ts";
import { plan } from "../../runtime/plan.ts";
import { type Cell, cells } from "./cells.ts";
import { cifar10, costsOf, networkFile } from "./data.ts";
import { chosenTrial } from "./ready.ts";
import { type CellResult, packBits, type Results } from "./result.ts";

/** Twelve short epochs for every method; a scale below 1 is for trying out. */
export const setting = {
  searchEpochs: 6,
  fineTuneEpochs: 6,
  epochImages: 20_000,
  batch: 128,
  learningRate: 0.02,
  decay: "cosine",
  momentum: 0.9,
  weightDecay: 5e-4,
  shift: 4,
  flip: true,
} as const;
const maxSparsity = 0.98;
const heldOut = 5000;
const heldLength = 0.5; // times that of other cells

export interface RunOptions {
  readonly scale: number;
  readonly work: string; // folder for checkpoints and models
  readonly results: Results;
  readonly threads?: number;
  readonly onStep?: (text: string) => void;
}

export async function runCell(cell: Cell, options: RunOptions): Promise<CellResult> {
  const started = performance.now();
  const { network, method, pattern, sparsity, seed, scope, untrained, against, training } = cell;
  const all = untrained ? undefined : await cifar10("train", network);
  const [train, held] = all && cell.held ? split(all, heldOut, 0) : [all, undefined];
  const tests = held ?? (await cifar10("test", network));
  const search = { ...chosenTrial(cell, options.results), ...cell.options };
  const { length = cell.held ? heldLength : 1, distillation } = training ?? {};
  const { learningRate, fineTuneEpochs } = { ...setting, ...training };
  const epochImages = Math.round(setting.epochImages * options.scale * length);
  const schedule = { ...setting, learningRate, fineTuneEpochs, epochImages, search, distillation };
  const checkpoints = join(options.work, "checkpoints", cell.id);
  const { graph, report } = await prune(networkFile(network), {
    method,
    pattern,
    sparsity,
    maxSparsity,
    scope,
    budget: cell.budget === "latency" ? costsOf(network) : cell.budget,
    seed,
    schedule,
    keepChannels: true,
    data: { train },
    threads: options.threads,
    checkpoint: checkpointFolder(checkpoints),
    onProgress: ({ stage, step, steps, loss, accuracy, secondsLeft }) =>
      options.onStep?.(
        `${cell.id}  ${stage} ${step}/${steps}  loss ${loss.toFixed(3)}  ` +
          `accuracy ${(100 * accuracy).toFixed(1)} %  ${Math.ceil(secondsLeft / 60)} min left`,
      ),
  });
  const { threads, results } = options;
  const right = await rightOnes(graph, tests, threads);
  const dense = held
    ? await denseAccuracy(network, held, threads)
    : await denseOnTests(network, results, threads);
  const small = against && (await denseOnTests(against, results, threads));
  const models = join(options.work, "models");
  mkdirSync(models, { recursive: true });
  writeFileSync(join(models, `${cell.id}.filigree`), await writeModel(graph));
  rmSync(checkpoints, { recursive: true, force: true });
  return {
    ...cell,
    search: report.search?.epochs,
    setting: { ...schedule, maxSparsity },
    dense,
    againstAccuracy: small,
    accuracy: right.filter((is) => is).length / right.length,
    images: right.length,
    right: packBits(right),
    blocks: report.blocks,
    macs: macsOf(graph),
    bytes: report.bytes,
    layers: report.layers.map(({ node, elements, keptElements }) => ({
      node,
      sparsity: 1 - keptElements / elements,
    })),
    seconds: Math.round((performance.now() - started) / 1000),
  };
}

async function denseAccuracy(
  network: Cell["network"],
  data: Dataset,
  threads?: number,
): Promise<number> {
  const graph = simplify(importOnnx(networkFile(network)));
  return (await evaluate(graph, data, ortNode, { threads })).accuracy;
}

/** On the test images; from a cell that is done, where there is one: many start from the same network. */
async function denseOnTests(
  network: Cell["network"],
  results: Results,
  threads?: number,
): Promise<number> {
  const same = cells.find((cell) => cell.network === network && !cell.held && results.read(cell.id));
  if (same) return results.read(same.id)!.dense;
  return denseAccuracy(network, await cifar10("test", network), threads);
}

/** Of each image, whether the network classifies it right. */
async function rightOnes(
  graph: Graph,
  { images, labels, classes }: Dataset,
  threads?: number,
): Promise<boolean[]> {
  const batch = 250;
  const program = await ortNode.compile(exportOnnx(graph), { threads });
  const right: boolean[] = [];
  try {
    for (let start = 0; start < labels.length; start += batch) {
      const count = Math.min(batch, labels.length - start);
      const indices = Int32Array.from({ length: count }, (_, i) => start + i);
      const part = subset({ images, labels, classes }, indices);
      const input = tensor([count, ...images.shape.slice(1)], part.images.data);
      const [{ data }] = Object.values(await program.run({ [graph.inputs[0].name]: input }));
      const size = data.length / count;
      for (let i = 0; i < count; i++) {
        right.push(argmax(data.subarray(i * size, (i + 1) * size)) === part.labels[i]);
      }
    }
  } finally {
    await program.dispose();
  }
  return right;
}

/** Multiplications of one image: all, and those by weights that are stored. */
function macsOf(graph: Graph): { dense: number; kept: number } {
  const { values } = plan(graph);
  let [dense, kept] = [0, 0];
  for (const node of graph.nodes) {
    const macs = flopsOf(node, values) / 2;
    const weight = graph.constants.get(node.inputs[1] ?? "");
    dense += macs;
    if (weight && isSparse(weight) && "values" in weight) {
      kept += (macs * weight.values.length) / weight.shape.reduce((a, b) => a * b, 1);
    } else kept += macs;
  }
  return { dense, kept: Math.round(kept) };
}
