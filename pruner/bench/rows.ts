/** The rows of a benchmark: what is printed, and what --json gives. */
import Table from "cli-table3";
import type { BenchReport } from "./job.ts";

export interface BenchRow {
  readonly engine: string;
  readonly medianMs: number;
  readonly minMs: number;
  readonly spread: number; // (upper quartile - lower quartile) / median
  readonly insideMs?: number; // Engine.insideMs
  readonly ratio: number; // baseline's minimum / this minimum
  readonly maxError: number; // against the engine's reference
}

/** Ratios are to the engine `baseline`, or to the first where that was left out. */
export function benchRows(
  { comparisons }: Pick<BenchReport, "comparisons">,
  baseline: string,
): BenchRow[] {
  const timed = comparisons.filter(({ timing }) => timing);
  const base = timed.find(({ name }) => name === baseline) ?? timed[0];
  return timed.map(({ name, timing, insideMs, maxError }) => ({
    engine: name,
    medianMs: timing!.medianMs,
    minMs: timing!.minMs,
    spread: timing!.spread,
    insideMs,
    ratio: base.timing!.minMs / timing!.minMs,
    maxError,
  }));
}

export function benchTable(rows: readonly BenchRow[]): string {
  const head = ["engine", "min ms", "median ms", "spread", "in the worker", "ratio", "max error"];
  const cells = rows.map((row) => [
    row.engine,
    row.minMs.toFixed(3),
    row.medianMs.toFixed(3),
    `${(100 * row.spread).toFixed(1)} %`,
    row.insideMs?.toFixed(3) ?? "",
    `${row.ratio.toFixed(2)}x`,
    row.maxError.toExponential(1),
  ]);
  return plainTable(head, cells);
}

/** The first column to the left, the others to the right; no colours, because tables also go into files. */
export function plainTable(head: string[], rows: string[][]): string {
  const colAligns = head.map((_, i) => (i ? ("right" as const) : ("left" as const)));
  const table = new Table({ head, colAligns, style: { head: [], border: [], compact: true } });
  table.push(...rows);
  return table.toString();
}
