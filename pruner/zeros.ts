/** What the zeros of a weight form: the patterns that explain them, and where one is broken. */
import { formatPattern, type SparsityPattern } from "../runtime/model/pattern.ts";
import { matrixOf } from "../runtime/model/sparse/format.ts";
import type { Tensor } from "../runtime/model/tensor.ts";

export interface ZeroPattern {
  readonly pattern: SparsityPattern;
  readonly share: number; // of the zeros, that it leaves out
}

export interface ZeroSurvey {
  readonly zeros: number; // elements
  readonly deadOutputs: number; // with zeros alone
  readonly deadInputs: number;
  readonly patterns: readonly ZeroPattern[]; // that leave out any, the one that names the zeros best first
}

/** Blocks that are looked for, [rows, cols], the coarse ones first. */
const blockShapes = [
  ...[
    [32, 1],
    [16, 8],
    [8, 8],
    [16, 4],
    [8, 4],
    [16, 1],
    [4, 4],
    [8, 1],
    [4, 1],
    [2, 1],
    [1, 8],
    [1, 4],
  ],
] as const;

/** Of n:m: the sizes of a group, and how many outputs may share their places. */
const groupSizes = [2, 4, 8, 16];
const sharings = [16, 8, 4, 2, 1];

/** A pattern that explains nearly as much as another, and is stricter or coarser, is the better name. */
const nearly = 0.01;

export function surveyZeros(weight: Tensor<"float32">): ZeroSurvey {
  const zeroOf = zerosByTap(weight);
  const zeros = ones(zeroOf);
  const { outputs, inputs, taps } = sizes(weight);
  if (zeros === 0) return { zeros, deadOutputs: 0, deadInputs: 0, patterns: [] };
  const unions = new Map<number, Uint8Array>(); // by rows: 1 where all of these outputs have a zero
  const union = (rows: number) => {
    const known = unions.get(rows) ?? zeroOfAll(zeroOf, outputs, taps * inputs, rows);
    unions.set(rows, known);
    return known;
  };
  const deadOutputs = deadRows(zeroOf, taps * inputs);
  const found: ZeroPattern[] = [
    { pattern: { kind: "channel" }, share: (deadOutputs * taps * inputs) / zeros },
  ];
  for (const m of groupSizes) {
    for (const rows of sharings) {
      const n = mostKept(union(rows), inputs, m);
      if (n === 0 || n >= m || inputs < m) continue;
      const perGroupRow = Math.floor(inputs / m) * (m - n) + Math.max(0, (inputs % m) - n);
      const pattern = rows > 1 ? { kind: "n:m" as const, n, m, rows } : { kind: "n:m" as const, n, m };
      found.push({ pattern, share: (outputs * taps * perGroupRow) / zeros });
    }
  }
  for (const [rows, cols] of blockShapes) {
    const left = zerosInBlocks(union(rows), outputs, inputs, taps, rows, cols);
    found.push({ pattern: { kind: "block", rows, cols }, share: left / zeros });
  }
  found.push({ pattern: { kind: "unstructured" }, share: 1 });
  const best = Math.max(...found.slice(0, -1).map(({ share }) => share));
  const name =
    best >= 1 - 5 * nearly ? found.find(({ share }) => share >= best - nearly)! : found.at(-1)!;
  const others = found.filter((other) => other !== name && other.share > 0);
  return {
    zeros,
    deadOutputs,
    deadInputs: deadColumns(union(outputs), inputs, taps),
    patterns: [name, ...others.sort((a, b) => b.share - a.share)],
  };
}

/** Where a weight does not have a pattern, in words; undefined where it does. Zeros in a kept block break it only where many. */
export function whereBroken(weight: Tensor<"float32">, pattern: SparsityPattern): string | undefined {
  const zeroOf = zerosByTap(weight);
  const { outputs, inputs, taps } = sizes(weight);
  const zeros = ones(zeroOf);
  if (zeros === 0) return "it has no zeros";
  if (pattern.kind === "unstructured") return undefined;
  if (pattern.kind === "n:m") {
    const { n, m, rows = 1 } = pattern;
    const union = zeroOfAll(zeroOf, outputs, taps * inputs, rows);
    for (let line = 0; line < union.length / inputs; line++) {
      for (let first = 0; first < inputs; first += m) {
        const end = Math.min(first + m, inputs);
        const kept = end - first - ones(union.subarray(line * inputs + first, line * inputs + end));
        if (kept <= n) continue;
        const output = Math.floor(line / taps) * rows;
        const last = Math.min(output + rows, outputs) - 1;
        const which = last > output ? `outputs ${output} to ${last}` : `output ${output}`;
        return `${which}, inputs ${first} to ${end - 1}, tap ${line % taps}: ${kept} of ${end - first} are not zero; ${formatPattern(pattern)} has at most ${n}`;
      }
    }
    return undefined;
  }
  const [rows, cols] = pattern.kind === "block" ? [pattern.rows, pattern.cols] : [1, inputs];
  const wholeTaps = pattern.kind === "channel";
  return brokenBlock(zeroOf, { outputs, inputs, taps }, rows, cols, wholeTaps, pattern);
}

interface Sizes {
  readonly outputs: number;
  readonly inputs: number;
  readonly taps: number;
}

/** The block that is zero in part, and most so; undefined where such zeros are few. */
function brokenBlock(
  zeroOf: Uint8Array,
  { outputs, inputs, taps }: Sizes,
  rows: number,
  cols: number,
  wholeTaps: boolean,
  pattern: SparsityPattern,
): string | undefined {
  let [whole, loose, worst] = [0, 0, 0];
  let where = "";
  for (let output = 0; output < outputs; output += rows) {
    const endOut = Math.min(output + rows, outputs);
    for (let tap = 0; tap < taps; tap += wholeTaps ? taps : 1) {
      const endTap = wholeTaps ? taps : tap + 1;
      for (let input = 0; input < inputs; input += cols) {
        const endIn = Math.min(input + cols, inputs);
        let zeros = 0;
        for (let o = output; o < endOut; o++) {
          for (let t = tap; t < endTap; t++) {
            const line = (o * taps + t) * inputs;
            for (let i = line + input; i < line + endIn; i++) zeros += zeroOf[i];
          }
        }
        const size = (endOut - output) * (endTap - tap) * (endIn - input);
        if (zeros === size) whole++;
        else {
          loose += zeros;
          if (zeros > worst) {
            worst = zeros;
            const outs = endOut - output > 1 ? `outputs ${output} to ${endOut - 1}` : `output ${output}`;
            const place = wholeTaps ? outs : `${outs}, inputs ${input} to ${endIn - 1}, tap ${tap}`;
            where = `${place}: ${zeros} of ${size} are zero; ${formatPattern(pattern)} has none or all`;
          }
        }
      }
    }
  }
  if (loose > 0.01 * zeroOf.length) return where;
  return whole === 0 ? `no ${formatPattern(pattern)} of it is zero` : undefined;
}

function sizes({ shape }: Tensor): Sizes {
  const [outputs, inputs, taps] = matrixOf(shape);
  return { outputs, inputs, taps };
}

/** [outputs, taps, inputs]: 1 where the weight is zero. */
function zerosByTap(weight: Tensor<"float32">): Uint8Array {
  const { outputs, inputs, taps } = sizes(weight);
  const zeroOf = new Uint8Array(weight.data.length);
  for (let output = 0, at = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      let to = output * taps * inputs + input;
      for (let tap = 0; tap < taps; tap++, at++, to += inputs)
        zeroOf[to] = weight.data[at] === 0 ? 1 : 0;
    }
  }
  return zeroOf;
}

/** [ceil(outputs / rows), line]: 1 where all of `rows` outputs have a zero. */
function zeroOfAll(zeroOf: Uint8Array, outputs: number, line: number, rows: number): Uint8Array {
  if (rows === 1) return zeroOf;
  const all = new Uint8Array(Math.ceil(outputs / rows) * line).fill(1);
  for (let output = 0; output < outputs; output++) {
    const to = Math.floor(output / rows) * line;
    for (let i = 0; i < line; i++) all[to + i] &= zeroOf[output * line + i];
  }
  return all;
}

/** Elements in whole blocks of zeros; `union` is of `rows` outputs. */
function zerosInBlocks(
  union: Uint8Array,
  outputs: number,
  inputs: number,
  taps: number,
  rows: number,
  cols: number,
): number {
  let zeros = 0;
  for (let line = 0; line < union.length / inputs; line++) {
    const height = Math.min(rows, outputs - Math.floor(line / taps) * rows);
    for (let input = 0; input < inputs; input += cols) {
      const width = Math.min(cols, inputs - input);
      let isZero = 1;
      for (let i = line * inputs + input; i < line * inputs + input + width; i++) isZero &= union[i];
      zeros += isZero * width * height;
    }
  }
  return zeros;
}

/** The most places that a group of m inputs of one line keeps. */
function mostKept(union: Uint8Array, inputs: number, m: number): number {
  let most = 0;
  for (let line = 0; line < union.length && most < m; line += inputs) {
    for (let first = 0; first < inputs; first += m) {
      const end = Math.min(first + m, inputs);
      let kept = 0;
      for (let i = line + first; i < line + end; i++) kept += 1 - union[i];
      if (kept > most) most = kept;
    }
  }
  return most;
}

function deadRows(zeroOf: Uint8Array, line: number): number {
  let dead = 0;
  for (let at = 0; at < zeroOf.length; at += line) {
    let isZero = 1;
    for (let i = at; i < at + line && isZero; i++) isZero &= zeroOf[i];
    dead += isZero;
  }
  return dead;
}

function deadColumns(unionOfAll: Uint8Array, inputs: number, taps: number): number {
  let dead = 0;
  for (let input = 0; input < inputs; input++) {
    let isZero = 1;
    for (let tap = 0; tap < taps; tap++) isZero &= unionOfAll[tap * inputs + input];
    dead += isZero;
  }
  return dead;
}

function ones(flags: Uint8Array): number {
  let sum = 0;
  for (const flag of flags) sum += flag;
  return sum;
}
