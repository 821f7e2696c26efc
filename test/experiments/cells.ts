/**
 * The cells of the experiment on CIFAR-10. A cell is one run: a network, a method, a pattern, a sparsity, a seed. All
 * have the same dense start, excluded layers, budget, schedule and exact number of kept blocks. Trials choose each
 * method's own settings, four for each, on a part of the training images; then they are fixed.
 */
import type { MethodName } from "../../pruner/index.ts";
import type { SearchOptions } from "../../pruner/methods/method.ts";
import type { NetworkName } from "./data.ts";

export interface Cell {
  readonly id: string;
  readonly group: "trial" | "core" | "resnet20" | "control" | "n:m";
  readonly network: NetworkName;
  readonly method: MethodName;
  readonly label: string; // the row of the tables
  readonly pattern: string;
  readonly sparsity?: number; // n:m has its own
  readonly seed: number;
  readonly scope?: "layer";
  readonly options: SearchOptions; // of a trial; else what the cell fixes beside the chosen trial
}

/** What each method tries. The learning rate of the weights is the same for all. */
export const trials: Readonly<Partial<Record<MethodName, readonly SearchOptions[]>>> = {
  smart: [{}, { tauStart: 1 }, { tauStart: 0.2 }, { tauStart: 0.5, tauEnd: 2e-4 }],
  pdp: [{}, { tauStart: 0.003 }, { tauStart: 0.01 }, { tauStart: 0.1 }],
  acdc: [{ rounds: 1 }, {}, { rounds: 3 }, { rounds: 4 }],
  pas: [{}, { penalty: 1 }, { penalty: 2 }, { penalty: 8 }],
  awg: [{ rounds: 1 }, { rounds: 2 }, {}, { rounds: 5 }],
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

/** In the order in which they are run. */
export const cells: readonly Cell[] = [
  ...Object.entries(trials).flatMap(([method, tried]) =>
    tried.map((options, i) =>
      cell({
        group: "trial",
        network: "resnet8",
        method: method as MethodName,
        label: `${method} trial ${i + 1}`,
        pattern: block,
        sparsity: 0.7,
        seed: 0,
        options,
      }),
    ),
  ),
  ...core("core", "resnet8", [1, 2, 3]),
  ...core("resnet20", "resnet20", [1]),
  cell({ ...at85, method: "smart", label: "smart per layer", scope: "layer" }),
  cell({ ...at85, method: "smart", label: "smart fixed tau", options: { temperature: "fixed" } }),
  cell({ ...at85, method: "smart", label: "smart constant start", options: { start: "constant" } }),
  cell({ ...at85, method: "random" }),
  cell({ ...at85, method: "lamp" }),
  cell({ ...at85, method: "magnitude", label: "magnitude per layer", scope: "layer" }),
  cell({ ...at85, method: "smart", pattern: "block:4x4" }),
  cell({ ...at85, method: "magnitude", pattern: "block:4x4" }),
  ...["2:4", "1:4"].flatMap((pattern) =>
    (["smart", "pdp", "magnitude"] as const).map((method) =>
      cell({ group: "n:m", network: "resnet20", method, pattern, seed: 1 }),
    ),
  ),
];
