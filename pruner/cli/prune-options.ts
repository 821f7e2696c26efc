/** The options of `filigree prune`, in groups as its help shows them, and what `prune()` makes of them. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { ModelError } from "../../runtime/model/errors.ts";
import { formatPattern, parsePattern } from "../../runtime/model/pattern.ts";
import type { PruneOptions } from "../index.ts";
import { type MethodName, methods, searching } from "../methods/index.ts";
import type { Scale, Scope, SearchOptions } from "../methods/method.ts";
import type { Schedule } from "../schedule.ts";
import {
  count,
  fraction,
  type GlobalOptions,
  names,
  notNegative,
  number,
  numbers,
  positive,
  wholeNumber,
} from "./options.ts";

export interface PruneFlags extends GlobalOptions {
  output: string;
  onnx?: string;
  html?: string;
  log?: string;

  method?: MethodName;
  pattern: string;
  sparsity?: number;
  maxSparsity?: number;
  scope?: Scope;
  scale?: Scale;
  budget: "blocks" | "weights" | "macs" | "latency";
  costs?: string;
  include?: string[];
  exclude?: string[];
  keepChannels?: boolean;

  data?: string;
  validation?: string;
  held: number;
  mean?: number[];
  std?: number[];
  shift?: number;
  flip?: boolean;
  cutout?: number;

  epochs?: { search: number; fineTune: number };
  epochImages?: number;
  batch?: number;
  optimizer?: Schedule["optimizer"];
  learningRate?: number;
  momentum?: number;
  weightDecay?: number;
  decay?: Schedule["decay"];
  warmup?: number;
  labelSmoothing?: number;
  distill?: Schedule["distillation"];

  start?: SearchOptions["start"];
  maskRate?: number;
  tau?: { tauStart: number; tauEnd?: number };
  temperature?: SearchOptions["temperature"];
  rounds?: number;
  penalty?: number;

  seed: number;
  threads?: number;
  checkpoint?: string;
}

type Row = [
  flags: string,
  text: string,
  parse?: ((text: string) => unknown) | readonly string[],
  value?: unknown,
];

const groups: Record<string, readonly Row[]> = {
  "Files:": [
    ["-o, --output <file>", "where the .filigree file goes"],
    ["--onnx <file>", "also write dense ONNX with zeros, for other runtimes"],
    [
      "--html <file>",
      "also write a report with plots: one page, works offline (needs vega and vega-lite)",
    ],
    ["--log <file>", "also write what happens, a JSON object a line"],
  ],
  "What goes:": [
    [
      "--method <name>",
      "smart with --data, dimap without (default); pdp, acdc, pas and awg need --data too",
      Object.keys(methods),
    ],
    [
      "--pattern <pattern>",
      "block:ROWSxCOLS, N:M, N:MxROWS, channel or unstructured",
      undefined,
      "block:16x8",
    ],
    [
      "--sparsity <fraction>",
      "how much goes, of the budget of all layers together (default: 0.7; N:M has its own)",
      fraction,
    ],
    ["--max-sparsity <fraction>", "of any one layer (default: 0.98)", fraction],
    [
      "--scope <name>",
      "one ranking over all layers, or the same sparsity in each (default: global)",
      ["global", "layer"],
    ],
    [
      "--budget <unit>",
      "what the sparsity is a fraction of; latency needs --costs",
      ["blocks", "weights", "macs", "latency"],
      "blocks",
    ],
    ["--costs <file>", "microseconds of blocks on a device, by filigree bench MODEL --costs FILE"],
    [
      "--scale <unit>",
      "how magnitude compares layers: as they are, by sqrt(2 / fan-in), by the layer's own mean square (default: none)",
      ["none", "fan-in", "layer"],
    ],
    [
      "--include <names>",
      "nodes or weights to prune though the rule leaves them out: a,b; * for any characters",
      names,
    ],
    ["--exclude <names>", "nodes or weights to leave dense, in the same way", names],
    ["--keep-channels", "leave channels that are dead, or become so"],
  ],
  "Data:": [
    ["--data <path>", "training images: see filigree data --help for the forms"],
    ["--validation <path>", "images to measure the accuracy on, in the same forms"],
    [
      "--held <fraction>",
      "without --validation: part of the data that is held out for it",
      fraction,
      0.1,
    ],
    ["--mean <list>", "of each channel, subtracted from byte / 255 (default: 0)", numbers],
    ["--std <list>", "of each channel, divided by after that (default: 1)", numbers],
    ["--shift <pixels>", "move training images by up to so many pixels (default: 0)", wholeNumber],
    ["--flip", "mirror every second training image"],
    ["--cutout <pixels>", "cover a square of so many pixels a side (default: 0)", wholeNumber],
  ],
  "Training:": [
    [
      "--epochs <n+m>",
      "of search and of fine-tuning, with the masks held; n: half and half (default: 6+6)",
      epochs,
    ],
    ["--epoch-images <n>", "images an epoch (default: all)", count],
    ["--batch <n>", "images a step (default: 64)", count],
    ["--optimizer <name>", "(default: sgd)", ["sgd", "adamw"]],
    ["--learning-rate <number>", "the highest of each stage (default: 0.01)", positive],
    ["--momentum <fraction>", "of sgd (default: 0.9)", fraction],
    [
      "--weight-decay <number>",
      "of weights, not of scales, shifts and biases (default: 0.0005)",
      notNegative,
    ],
    ["--decay <name>", "how the learning rate falls (default: cosine)", ["cosine", "step", "constant"]],
    ["--warmup <fraction>", "of each stage in which the learning rate rises (default: 0)", fraction],
    ["--label-smoothing <fraction>", "of each label, spread over all classes (default: 0)", fraction],
    [
      "--distill <weight[@T]>",
      "the dense network's part of the loss, at a temperature (default: 0; T: 4)",
      distillation,
    ],
  ],
  "Search:": [
    [
      "--start <name>",
      "smart's first masks (default: log-norm)",
      ["log-norm", "constant", "magnitude", "norm", "norm-activation"],
    ],
    ["--mask-rate <number>", "learning rate of the masks (smart: in the unit of their start)", positive],
    [
      "--tau <from:to>",
      "temperature of smart (default: 1:0.002; by n:m 4:0.002); of pdp one number: it stays (default: 0.03; by n:m 1)",
      temperatures,
    ],
    [
      "--temperature <name>",
      "how smart's falls (default: geometric)",
      ["geometric", "linear", "cosine", "fixed"],
    ],
    ["--rounds <n>", "compressions of acdc, prunings of awg", count],
    ["--penalty <number>", "weight of the budget in pas's loss", positive],
  ],
  "Run:": [
    [
      "--checkpoint <folder>",
      "keep the state there: killed and started again alike, it goes on to the same bits",
    ],
    ["--seed <n>", "the same seed gives the same result", wholeNumber, 0],
    ["--threads <n>", "for training (default: all)", count],
  ],
};

export function addPruneOptions(command: Command): Command {
  for (const [group, rows] of Object.entries(groups)) {
    command.optionsGroup(group);
    for (const [flags, text, parse, value] of rows) {
      const option = new Option(flags, text);
      if (flags.startsWith("-o")) option.makeOptionMandatory();
      if (typeof parse === "function") option.argParser(parse);
      else if (parse) option.choices(parse);
      if (value !== undefined) option.default(value);
      command.addOption(option);
    }
  }
  return command.optionsGroup("Help:");
}

/** "6+6": of search and of fine-tuning; "12" is shared out. */
function epochs(text: string): PruneFlags["epochs"] {
  const parts = text.split("+").map(wholeNumber);
  if (parts.length > 2)
    throw new InvalidArgumentError("expected SEARCH+FINE-TUNE as in 6+6, or one number");
  const [first, second] = parts;
  return second === undefined
    ? { search: Math.floor(first / 2), fineTune: Math.ceil(first / 2) }
    : { search: first, fineTune: second };
}

/** "0.5" or "0.5@4" */
function distillation(text: string): PruneFlags["distill"] {
  const [weight, temperature = 4] = text.split("@").map(number);
  if (!(weight >= 0 && weight <= 1) || temperature <= 0) {
    throw new InvalidArgumentError(
      "expected WEIGHT or WEIGHT@TEMPERATURE, 0 ≤ weight ≤ 1, temperature > 0",
    );
  }
  return weight > 0 ? { weight, temperature } : undefined;
}

/** "0.5:0.002"; or "0.5", and it falls to where it falls by default */
function temperatures(text: string): PruneFlags["tau"] {
  const [tauStart, tauEnd, ...rest] = text.split(":").map(positive);
  if (rest.length > 0 || tauEnd > tauStart) {
    throw new InvalidArgumentError("expected FROM:TO as in 0.5:0.002, TO not above FROM");
  }
  return tauEnd === undefined ? { tauStart } : { tauStart, tauEnd };
}

/** Flags that say how to train, and so need training images. */
const trainingGroups = ["Training:", "Search:"];
const trainingFlags = ["shift", "flip", "cutout", "checkpoint", "log"];

/** Flags that mean nothing by n:m, for all methods or for one. */
const byGroups: readonly (readonly [flag: string, method?: MethodName])[] = [
  ["max-sparsity"],
  ["scope"],
  ["scale"],
  ["start"],
  ["mask-rate", "smart"],
  ["rounds", "awg"],
];

/** Throws a ModelError where flags do not go together. */
export function checkFlags(flags: PruneFlags): void {
  if (flags.budget === "latency" && !flags.costs) {
    throw new ModelError(
      "--budget latency needs --costs FILE: filigree bench MODEL --costs FILE measures one",
    );
  }
  if (flags.budget !== "latency" && flags.costs) {
    throw new ModelError(`--costs is for --budget latency, not for --budget ${flags.budget}`);
  }
  const nameOf = ([text]: Row) => /--([\w-]+)/.exec(text)![1];
  const given = (name: string) => flags[camel(name) as keyof PruneFlags] !== undefined;
  if (!flags.data) {
    const names = [...trainingGroups.flatMap((group) => groups[group].map(nameOf)), ...trainingFlags];
    const useless = names.filter(given);
    if (useless.length > 0) {
      throw new ModelError(`--${useless[0]} is for training, which needs images: give --data`);
    }
  }
  const method = flags.method ?? (flags.data ? "smart" : "dimap");
  const only = (flag: string, of: readonly string[]) => {
    if (given(flag) && !of.includes(method)) {
      throw new ModelError(`--${flag} is for ${of.join(" and ")}, not for ${method}`);
    }
  };
  only("start", ["smart"]);
  only("rounds", ["acdc", "awg"]);
  only("penalty", ["pas"]);
  only("tau", ["smart", "pdp"]);
  only("temperature", ["smart"]);
  only("mask-rate", ["smart", "pas"]);
  only("scale", ["magnitude"]);
  if (method === "pdp" && flags.tau?.tauEnd !== undefined) {
    throw new ModelError(`pdp's temperature does not fall: give one, as in --tau ${flags.tau.tauStart}`);
  }
  const pattern = parsePattern(flags.pattern);
  if (pattern.kind === "n:m") {
    const useless = byGroups.find(([flag, of]) => given(flag) && (!of || of === method));
    if (useless) {
      throw new ModelError(
        `--${useless[0]} has no say in ${formatPattern(pattern)}: every group keeps ${pattern.n}; leave it out`,
      );
    }
  }
  const { epochs: given_ } = flags;
  if (given_ && given_.search === 0 && searching.has(method)) {
    throw new ModelError(
      `${method} searches: --epochs ${given_.search}+${given_.fineTune} gives it no epoch for that`,
    );
  }
}

const camel = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The schedule that the flags ask for; what they leave out has its default. */
export function scheduleOfFlags(flags: PruneFlags): Partial<Schedule> {
  const { maskRate, tau, temperature, start, rounds, penalty } = flags;
  const search: SearchOptions = { ...tau, learningRate: maskRate, temperature, start, rounds, penalty };
  return given({
    searchEpochs: flags.epochs?.search,
    fineTuneEpochs: flags.epochs?.fineTune,
    epochImages: flags.epochImages,
    batch: flags.batch,
    optimizer: flags.optimizer,
    learningRate: flags.learningRate,
    momentum: flags.momentum,
    weightDecay: flags.weightDecay,
    decay: flags.decay,
    warmup: flags.warmup,
    labelSmoothing: flags.labelSmoothing,
    distillation: flags.distill,
    shift: flags.shift,
    flip: flags.flip,
    cutout: flags.cutout,
    search: given(search),
  });
}

/** What concerns the masks. */
export function maskOptionsOfFlags(flags: PruneFlags): PruneOptions {
  const { method, pattern, sparsity, maxSparsity, scope, scale, include, exclude, keepChannels } = flags;
  return given({ method, pattern, sparsity, maxSparsity, scope, scale, include, exclude, keepChannels });
}

/** Without what is undefined: it would hide a default. */
function given<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
