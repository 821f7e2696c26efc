/** The tables that the commands print. */
import Table from "cli-table3";
import { type Graph, isSparse } from "../../runtime/model/graph.ts";
import { formatPattern } from "../../runtime/model/pattern.ts";
import { matrixOf } from "../../runtime/model/sparse/format.ts";
import { storedBytes } from "../../runtime/model/sparse/index.ts";
import { sizeOf } from "../../runtime/model/tensor.ts";
import type { PackedLayer } from "../pack.ts";
import type { PruneReport } from "../report.ts";
import type { RemovedChannels } from "../simplify/channels.ts";

/** What pruning did: the layers, then the sums, the search and the accuracy. */
export function pruneTable(report: PruneReport): string {
  const rows = report.layers.map((layer) => [
    layer.node,
    layer.shape.join("x"),
    `${layer.keptBlocks} / ${layer.blocks}`,
    percent(1 - layer.keptElements / layer.elements),
    kilobytes(layer.denseBytes),
    kilobytes(layer.storedBytes),
  ]);
  const { blocks, elements, bytes, channels, skipped, accuracy, search, seconds } = report;
  for (const { node, shape, reason } of skipped) rows.push([node, shape.join("x"), reason]);
  const lines = [
    table(["layer", "weight", "kept blocks", "sparsity", "dense kB", "stored kB"], rows, [2, 3, 4, 5]),
    `${report.method}, ${report.pattern}: ${blocks.kept} of ${blocks.total} blocks kept (asked: ${blocks.asked}), ` +
      `${percent(1 - elements.kept / elements.total)} of the pruned weights removed`,
    `weights: ${kilobytes(bytes.dense)} kB dense, ${kilobytes(bytes.stored)} kB stored`,
  ];
  if (channels) lines.push(...channelLines(channels));
  if (search) {
    const end = search.epochs[search.epochs.length - 1];
    lines.push(
      `end of the search: ${percent(end.softFraction)} of the masks soft, ` +
        `loss(hard) - loss(soft) = ${(end.lossHard - end.lossSoft).toExponential(1)}`,
    );
  }
  if (accuracy) {
    const { before, after } = accuracy;
    lines.push(
      `accuracy on ${after.images} images: ${percent(before.accuracy)} before, ${percent(after.accuracy)} after`,
    );
  }
  if (report.loss) {
    const { before, after } = report.loss;
    lines.push(`loss: ${before.toPrecision(4)} before, ${after.toPrecision(4)} after`);
  }
  const stages = Object.entries(seconds).map(([stage, value]) => `${stage} ${value.toFixed(0)} s`);
  if (stages.length > 0) lines.push(stages.join(", "));
  return lines.join("\n");
}

/** The layers and what their zeros are, then the sums and the channels that were removed. */
export function packTable(layers: readonly PackedLayer[], removed: RemovedChannels): string {
  const rows = layers.map((layer) => [
    layer.node,
    layer.shape.join("x"),
    percent(layer.zeros),
    foundPattern(layer),
    layer.pattern,
    percent(layer.sparsity),
    kilobytes(layer.denseBytes),
    kilobytes(layer.storedBytes),
  ]);
  const head = ["layer", "weight", "zeros", "found", "stored as", "sparsity", "dense kB", "stored kB"];
  const sum = (of: (layer: PackedLayer) => number) => layers.reduce((all, layer) => all + of(layer), 0);
  const stored = sum(({ storedBytes }) => storedBytes);
  const sums = `weights: ${kilobytes(sum(({ denseBytes }) => denseBytes))} kB dense, ${kilobytes(stored)} kB stored`;
  return [table(head, rows, [2, 5, 6, 7]), sums, ...channelLines(removed)].join("\n");
}

/** "2:4", "block:16x8 (97 %)", with dead channels that are left. */
function foundPattern({ found, share, deadOutputs, deadInputs }: PackedLayer): string {
  const dead = [
    ...(deadOutputs ? [`${deadOutputs} outputs dead`] : []),
    ...(deadInputs ? [`${deadInputs} inputs dead`] : []),
  ];
  const name = share < 0.995 && found ? `${found} (${Math.floor(100 * share)} %)` : found;
  return [name, ...dead].join(", ");
}

/** What the removal of dead channels did, in one line; none where there were none. */
export function channelLines({ layers, weights }: RemovedChannels): string[] {
  if (layers.length === 0) return [];
  const sum = (which: "before" | "after") => layers.reduce((all, layer) => all + layer[which], 0);
  const less = percent(1 - weights.after / weights.before);
  const many = layers.length === 1 ? "1 layer" : `${layers.length} layers`;
  return [`dead channels: ${sum("before")} → ${sum("after")} in ${many}, −${less} weights`];
}

export interface WeightRow {
  readonly node: string;
  readonly op: string;
  readonly shape: readonly number[];
  readonly pattern: string; // "dense", "block:16x8", "2:4", "2:4x8", "unstructured"
  readonly density: number; // fraction of the elements that are stored
  readonly bytes: number;
}

/** One row for each Conv, Gemm and MatMul with a constant weight. */
export function weightRows(graph: Graph): WeightRow[] {
  return graph.nodes.flatMap(({ name, op, inputs }) => {
    const weight = ["Conv", "Gemm", "MatMul"].includes(op) ? graph.constants.get(inputs[1]) : undefined;
    if (!weight) return [];
    const row = { node: name, op, shape: weight.shape, bytes: storedBytes(weight) };
    if (!isSparse(weight)) return [{ ...row, pattern: "dense", density: nonzeroShare(weight.data) }];
    const elements = sizeOf(weight.shape);
    if (weight.format === "n:m") {
      const { n, m, rows } = weight;
      return [{ ...row, pattern: formatPattern({ kind: "n:m", n, m, rows }), density: n / m }];
    }
    if (weight.format === "unstructured") {
      return [{ ...row, pattern: "unstructured", density: weight.values.length / elements }];
    }
    const [rows, cols] = weight.blockShape;
    const [outputs, inputsOf, taps] = matrixOf(weight.shape);
    const blocks = Math.ceil(outputs / rows) * Math.ceil(inputsOf / cols) * taps;
    return [{ ...row, pattern: `block:${rows}x${cols}`, density: weight.colIdx.length / blocks }];
  });
}

function nonzeroShare(values: ArrayLike<number>): number {
  let nonzeros = 0;
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) nonzeros++;
  return values.length ? nonzeros / values.length : 1;
}

export function inspectTable(rows: readonly WeightRow[]): string {
  const cells = rows.map(({ node, op, shape, pattern, density, bytes }) => {
    return [node, op, shape.join("x"), pattern, percent(density), kilobytes(bytes)];
  });
  return table(["layer", "op", "weight", "stored as", "density", "kB"], cells, [4, 5]);
}

function table(head: string[], rows: string[][], right: readonly number[]): string {
  const colAligns = head.map((_, i) => (right.includes(i) ? ("right" as const) : ("left" as const)));
  // No colours: the tables also go into files.
  const made = new Table({ head, colAligns, style: { head: [], border: [], compact: true } });
  made.push(...rows);
  return made.toString();
}

export function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function kilobytes(bytes: number): string {
  return (bytes / 1000).toFixed(1);
}
