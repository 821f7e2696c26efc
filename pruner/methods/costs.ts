/**
 * What blocks cost: the budget of a network is then that of its elements, its multiplications or its time.
 *
 * A file of costs is JSON. `filigree bench MODEL --costs FILE` measures one, in a browser; so may a page:
 *
 *   { "filigree": "costs", "version": 1,
 *     "model": "resnet20",                what was measured: for people
 *     "device": "Chrome 156, 1 thread",   where
 *     "pattern": "block:16x8",            whose blocks
 *     "layers": [                         every layer that may be pruned
 *       { "node": "layer1.conv1",         name of the node
 *         "points": [                     two or more, of different numbers of kept blocks, 0 < kept <= blocks
 *           { "kept": 18, "microseconds": 101.2 }, { "kept": 5, "microseconds": 33.9 } ] } ] }
 *
 * A block costs what it adds to the time of its layer: the slope of the line through the layer's points by least
 * squares. What the layer takes without any block is not up to the masks and counts for nothing.
 */
import { ModelError } from "../../runtime/model/errors.ts";
import { formatPattern, type SparsityPattern } from "../../runtime/model/pattern.ts";
import type { PrunableWeight } from "./method.ts";

export type Budget = "blocks" | "weights" | "macs" | CostTable;

/** Microseconds on a device, by node: of one whole block, what a block adds to the time of its layer. */
export interface CostTable {
  readonly microseconds: Readonly<Record<string, number>>;
  readonly pattern?: string; // whose blocks these are; any where it is left out
}

/** What a file of costs holds. */
export interface CostFile {
  readonly filigree: "costs";
  readonly version: 1;
  readonly model: string;
  readonly device: string;
  readonly pattern: string;
  readonly layers: readonly LayerCosts[];
}

export interface LayerCosts {
  readonly node: string;
  readonly points: readonly { readonly kept: number; readonly microseconds: number }[];
}

/** The table of a file's text. Throws a ModelError (starting with `what`) that says where it is wrong. */
export function readCosts(text: string, what: string): CostTable {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new ModelError(`${what}: not JSON: ${(error as Error).message}`);
  }
  return costTable(checkCosts(file, what));
}

/** The costs of blocks from what was measured. A layer whose time does not rise costs a thousandth of its least time. */
export function costTable({ pattern, layers }: CostFile): CostTable {
  const microseconds = Object.fromEntries(
    layers.map(({ node, points }) => {
      const least = Math.min(...points.map((point) => point.microseconds / point.kept));
      return [node, Math.max(slopeOf(points), least / 1000)];
    }),
  );
  return { microseconds, pattern };
}

/** Of the line through the points, by least squares. */
function slopeOf(points: LayerCosts["points"]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((p) => p.kept)), mean(points.map((p) => p.microseconds))];
  let [covariance, variance] = [0, 0];
  for (const { kept, microseconds } of points) {
    covariance += (kept - x) * (microseconds - y);
    variance += (kept - x) ** 2;
  }
  return covariance / variance;
}

/** The file, where it is one. Throws a ModelError (starting with `what`). */
export function checkCosts(file: unknown, what: string): CostFile {
  const fail = (message: string): never => {
    throw new ModelError(`${what}: ${message}; filigree bench MODEL --costs FILE writes such a file`);
  };
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isRecord(file) || file.filigree !== "costs") return fail(`not a file of costs`);
  if (file.version !== 1) fail(`its version is ${JSON.stringify(file.version)}; expected 1`);
  for (const name of ["model", "device", "pattern"]) {
    if (typeof file[name] !== "string") fail(`"${name}" is not a text`);
  }
  if (!Array.isArray(file.layers) || file.layers.length === 0) return fail(`"layers" is not a list`);
  const seen = new Set<string>();
  for (const [l, layer] of file.layers.entries()) {
    if (!isRecord(layer) || typeof layer.node !== "string") return fail(`layer ${l} names no node`);
    const { node, points } = layer;
    if (seen.has(node)) fail(`the node '${node}' is there twice`);
    seen.add(node);
    if (!Array.isArray(points)) return fail(`'${node}' has no list of points`);
    for (const point of points) {
      const isPoint = isRecord(point) && Number(point.kept) > 0 && (point.microseconds as number) >= 0;
      if (!isPoint)
        fail(`'${node}' has the point ${JSON.stringify(point)}; expected kept > 0, microseconds ≥ 0`);
    }
    if (new Set(points.map(({ kept }) => kept)).size < 2) {
      fail(`'${node}' was not measured at two different numbers of kept blocks`);
    }
  }
  return file as unknown as CostFile;
}

/** A weight, the node that reads it, and how many results each of its outputs has: the places of a convolution. */
export interface CostedWeight extends PrunableWeight {
  readonly node: string;
  readonly places: number;
}

/** [blocks.count] by weight; undefined where each block costs the same. A block at an edge costs its part of one. */
export function blockCosts(
  weights: readonly CostedWeight[],
  budget: Budget,
  pattern?: SparsityPattern,
): Map<string, Float64Array> | undefined {
  if (budget === "blocks") return undefined;
  if (pattern?.kind === "n:m") {
    throw new ModelError(
      `a budget has no say in ${formatPattern(pattern)}: every group keeps ${pattern.n}; leave it out`,
    );
  }
  if (typeof budget === "object" && pattern && budget.pattern !== undefined)
    checkPattern(budget.pattern, pattern);
  return new Map(
    weights.map(({ name, node, blocks: { sizes }, places }) => {
      if (typeof budget === "string") {
        return [name, Float64Array.from(sizes, (size) => (budget === "macs" ? size * places : size))];
      }
      const whole = budget.microseconds[node];
      if (!(whole >= 0)) {
        const known = Object.keys(budget.microseconds);
        throw new ModelError(
          `the costs have no microseconds for the node '${node}', only for ${known.slice(0, 3).join(", ")}` +
            `${known.length > 3 ? `, … (${known.length})` : ""}: measure this model, or exclude the node`,
        );
      }
      const largest = sizes.reduce((a, b) => Math.max(a, b), 1);
      return [name, Float64Array.from(sizes, (size) => (whole * size) / largest)];
    }),
  );
}

function checkPattern(measured: string, pattern: SparsityPattern): void {
  if (measured === formatPattern(pattern)) return;
  throw new ModelError(
    `the costs are of ${measured}, the pattern is ${formatPattern(pattern)}: measure its blocks`,
  );
}
