/**
 * The cells of the experiment on CIFAR-10. A cell is one run: a network, a method, a pattern, a sparsity, a seed. All
 * have the same dense start, excluded layers, budget, schedule and exact number of kept blocks. Trials choose each
 * method's own settings, on a part of the training images; then they are fixed.
 */
import type { MethodName } from "../../pruner/index.ts";
import type { SearchOptions } from "../../pruner/methods/method.ts";
import type { Distillation } from "../../pruner/train/autodiff.ts";
import type { NetworkName } from "./data.ts";

export interface Cell {
  readonly id: string;
  readonly group:
    | "trial"
    | "core"
    | "resnet20"
    | "long"
    | "cause"
    | "control"
    | "n:m"
    | "latency"
    | "size"
    | "dimap";
  readonly network: NetworkName;
  readonly method: MethodName;
  readonly label: string; // the row of the tables
  readonly pattern: string;
  readonly sparsity?: number; // n:m has its own
  readonly seed: number;
  readonly scope?: "layer";
  readonly budget?: "macs" | "latency"; // what the sparsity is a fraction of; blocks where it is left out
  readonly against?: NetworkName; // a small dense network that is as fast, or nearly
  readonly training?: Training; // other than that of most cells
  readonly held?: true; // half as long and tried on training images held out for that: the test set stays untouched
  readonly untrained?: true; // pruned at once, without data; what is left is not trained
  readonly options: SearchOptions; // of a trial; else what the cell fixes beside the chosen trial
}

export interface Training {
  readonly length?: number; // times as many images an epoch
  readonly fineTuneEpochs?: number;
  readonly learningRate?: number;
  readonly distillation?: Distillation;
}

type Trials = Readonly<Partial<Record<MethodName, readonly SearchOptions[]>>>;

/**
 * What each method tries. The learning rate of the weights is the same for all. Where the best of the first four lay at
 * the end of their range, it has two more (AC/DC has no fewer rounds).
 */
const trials: Trials = {
  smart: [
    { start: "norm", tauStart: 0.5 },
    ...[0.2, 0.5, 1].map((tauStart) => ({ start: "magnitude" as const, tauStart })),
    { start: "constant", tauStart: 1 },
    { start: "magnitude", tauStart: 1, learningRate: 0.2 },
  ],
  pdp: [{}, ...[0.003, 0.01, 0.1, 0.3, 1].map((tauStart) => ({ tauStart }))],
  acdc: [{ rounds: 1 }, {}, { rounds: 3 }, { rounds: 4 }],
  pas: [{}, ...[1, 2, 8, 0.5, 0.25].map((penalty) => ({ penalty }))],
  awg: [{ rounds: 1 }, { rounds: 2 }, {}, { rounds: 5 }],
};

/** By n:m soft masks are functions of the weights, whose temperatures mean something else: trials of their own, at 1:4. */
const trialsInGroups: Trials = {
  smart: [0.2, 0.5, 1, 2, 4, 8].map((tauStart) => ({ tauStart })),
  pdp: [0.01, 0.03, 0.1, 0.3, 1, 3].map((tauStart) => ({ tauStart })),
};

const methods: readonly MethodName[] = ["smart", "pdp", "acdc", "pas", "awg", "magnitude"];
const block = "block:16x8";
const sparsities = [0.5, 0.7, 0.85];

function cell(
  parts: Omit<Cell, "id" | "label" | "options"> & Partial<Pick<Cell, "label" | "options">>,
): Cell {
  const { group, network, method, pattern, sparsity, seed, label = method } = parts;
  const shape = pattern.replace(":", "-").replace(/^block-/, "");
  const words = [group.replace(":", ""), network, label.replaceAll(" ", "-"), shape];
  const id = [...words, ...(sparsity === undefined ? [] : [sparsity]), `seed${seed}`].join("_");
  return { options: {}, ...parts, label, id };
}

const core = (group: "core" | "resnet20", network: NetworkName, seeds: readonly number[]) =>
  seeds.flatMap((seed) =>
    sparsities.flatMap((sparsity) =>
      methods.map((method) => cell({ group, network, method, pattern: block, sparsity, seed })),
    ),
  );

const at85 = { group: "control", network: "resnet20", pattern: block, sparsity: 0.85, seed: 1 } as const;

const trialCells = (of: Trials, target: Pick<Cell, "pattern" | "sparsity">) =>
  (Object.keys(of) as MethodName[]).flatMap((method) =>
    of[method]!.map((options, i) =>
      cell({
        ...target,
        group: "trial",
        network: "resnet8",
        method,
        label: `${method} trial ${i + 1}`,
        seed: 0,
        held: true,
        options,
      }),
    ),
  );

/** SMART with a budget of microseconds or multiplications; with one of blocks the cells are those of "resnet20". */
const latency = {
  group: "latency",
  network: "resnet20",
  method: "smart",
  pattern: block,
  seed: 1,
} as const;
const latencyCells = [
  ...[0.4, 0.55, 0.7].map((sparsity) =>
    cell({ ...latency, label: "smart by microseconds", budget: "latency", sparsity }),
  ),
  cell({ ...latency, label: "smart by multiplications", budget: "macs", sparsity: 0.55 }),
];

/**
 * What a user would rather do: all 50 000 images each epoch, masks that start as they do by default; and what that
 * alone does to the dense network.
 */
const logNorm = { start: "log-norm" } as const;
const long = { group: "long", network: "resnet20", pattern: block, sparsity: 0.7, seed: 1 } as const;
const distillation = { weight: 0.5, temperature: 4 };
const longest = { options: logNorm, training: { length: 2.5, fineTuneEpochs: 18, distillation } };
const longCells = [
  cell({
    ...long,
    method: "smart",
    label: "smart log-norm distilled 6+18",
    ...longest,
  }),
  ...[
    { method: "smart" as const, label: "smart log-norm", options: logNorm },
    { method: "magnitude" as const, label: "magnitude" },
  ].flatMap((by) => [
    cell({ ...long, ...by, label: `${by.label} distilled`, training: { length: 2.5, distillation } }),
    cell({ ...long, ...by, training: { length: 2.5 } }),
  ]),
  cell({
    ...long,
    method: "magnitude",
    label: "nearly nothing pruned distilled",
    sparsity: 0.001,
    training: { length: 2.5, distillation },
  }),
];

/**
 * What keeps ResNet-20 from its dense accuracy: the masks' rate, their temperature, the weights' rate, the pattern, or
 * the pruning.
 */
const cause = { ...long, group: "cause", method: "smart", held: true, seed: 0 } as const;
const causeCells = [
  cell({ ...cause, label: "smart as tuned" }),
  ...[0.013, 0.2].map((learningRate) =>
    cell({ ...cause, label: `masks rate ${learningRate}`, options: { learningRate } }),
  ),
  ...[0.3, 3].map((tauStart) =>
    cell({ ...cause, label: `tau from ${tauStart}`, options: { tauStart } }),
  ),
  cell({ ...cause, label: "tau to 0.02", options: { tauEnd: 0.02 } }),
  ...[0.05, 0.1].map((learningRate) =>
    cell({ ...cause, label: `weights rate ${learningRate}`, training: { learningRate } }),
  ),
  ...["block:4x4", "unstructured"].map((pattern) =>
    cell({ ...cause, pattern, label: `smart ${pattern.replace("block:", "")}` }),
  ),
  ...[block, "block:4x4", "unstructured"].map((pattern) =>
    cell({ ...cause, pattern, label: "smart log-norm", options: logNorm }),
  ),
  cell({ ...cause, method: "magnitude", label: "magnitude" }),
  cell({ ...cause, method: "magnitude", label: "nearly nothing pruned", sparsity: 0.001 }),
];

/** Large networks that are pruned until they are about as fast as a small dense one. */
const size = { group: "size", method: "smart", pattern: block, budget: "latency", seed: 1 } as const;
const sizeCells = [
  cell({
    ...size,
    network: "resnet32",
    against: "resnet20",
    label: "smart by microseconds",
    sparsity: 0.45,
  }),
  cell({
    ...size,
    network: "resnet8large",
    against: "resnet8",
    label: "smart by microseconds",
    sparsity: 0.8,
  }),
  cell({
    ...size,
    network: "resnet56",
    against: "resnet20",
    label: "smart by microseconds",
    sparsity: 0.72,
  }),
  cell({
    ...size,
    network: "resnet32",
    against: "resnet20",
    label: "smart by microseconds log-norm distilled 6+18",
    sparsity: 0.45,
    ...longest,
  }),
];

/** Without training: how much of a transformer's accuracy is left by where the loss is put. */
const dimapCells = [
  ...[0.2, 0.35, 0.5, 0.65].map((sparsity) => ({ pattern: "unstructured", sparsity })),
  ...[0.2, 0.35, 0.5].map((sparsity) => ({ pattern: "block:4x4", sparsity })),
].flatMap((target) => {
  const parts = { ...target, group: "dimap", network: "vit", seed: 0, untrained: true } as const;
  return [
    cell({ ...parts, method: "dimap" }),
    cell({ ...parts, method: "magnitude", label: "magnitude per layer", scope: "layer" }),
    cell({ ...parts, method: "magnitude" }),
  ];
});

const seed1 = core("core", "resnet8", [1]);
const resnet20 = core("resnet20", "resnet20", [1]);
const tells = ({ method }: Cell) => method === "smart" || method === "magnitude";
const blockTrials = trialCells(trials, { pattern: block, sparsity: 0.7 });

/**
 * In the order in which they are run, what tells most first: what needs no training; SMART against magnitude; the other
 * methods, until ResNet-8 is whole for one seed; the budget of latency; ResNet-20, longer
 * too; more seeds; the rest.
 */
export const cells: readonly Cell[] = [
  ...dimapCells,
  ...blockTrials.filter(({ method }) => method === "smart"),
  ...seed1.filter(tells),
  ...blockTrials.filter(({ method }) => method !== "smart"),
  ...seed1.filter((one) => !tells(one)),
  ...resnet20.filter(tells),
  ...latencyCells,
  ...longCells,
  ...causeCells,
  ...core("core", "resnet8", [2]),
  ...core("core", "resnet8", [3]),
  ...resnet20.filter((one) => !tells(one)),
  cell({ ...at85, method: "smart", label: "smart per layer", scope: "layer" }),
  cell({ ...at85, method: "smart", label: "smart fixed tau", options: { temperature: "fixed" } }),
  cell({ ...at85, method: "smart", label: "smart magnitude start", options: { start: "magnitude" } }),
  cell({ ...at85, method: "random" }),
  cell({ ...at85, method: "lamp" }),
  cell({ ...at85, method: "magnitude", label: "magnitude per layer", scope: "layer" }),
  cell({ ...at85, method: "smart", label: "smart log-norm", pattern: "block:4x4", options: logNorm }),
  cell({ ...at85, method: "magnitude", pattern: "block:4x4" }),
  ...trialCells(trialsInGroups, { pattern: "1:4" }),
  ...["2:4", "1:4"].flatMap((pattern) =>
    (["smart", "pdp", "magnitude"] as const).map((method) =>
      cell({ group: "n:m", network: "resnet20", method, pattern, seed: 1 }),
    ),
  ),
  ...sizeCells,
];
