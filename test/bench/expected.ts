/**
 * What the kernels are expected to reach, by pattern: the share of the machine's peak that one thread does on the
 * weights that are kept, and how many times faster than the baselines that makes a layer. Below the floor something
 * has been lost; the target is what the kernels can do. Processors with two fused multiply-adds and two loads a cycle.
 */
import type { LayerRow } from "./layer-row.ts";

export type Bar = readonly [floor: number, target: number];

export interface Expectation {
  readonly share: Bar; // of the peak, on the weights that are kept
  readonly faster: Readonly<Record<string, Bar>>; // than this engine
}

/** By the pattern as layer-cases.ts writes it. */
export const expectations: Readonly<Record<string, Expectation>> = {
  dense: expect([0.9, 0.97], [1, 1], [1.5, 1.75], [1.1, 1.2]),
  "block:16x8@50": expect([0.88, 0.96], [1.8, 1.93], [3, 3.3], [2, 2.2]),
  "block:8x4@50": expect([0.88, 0.96], [1.8, 1.93], [3, 3.3], [2, 2.2]),
  "block:16x8@70": expect([0.88, 0.95], [3, 3.2], [5.2, 5.7], [3.4, 3.8]),
  "block:8x4@70": expect([0.88, 0.95], [3, 3.2], [5.2, 5.7], [3.4, 3.8]),
  "block:16x8@90": expect([0.8, 0.9], [8, 9], [13, 15], [8.5, 10]),
  "block:4x4@70": expect([0.8, 0.9], [2.6, 3], [4.6, 5.2], [3.1, 3.5]),
  "block:16x1@70": expect([0.8, 0.9], [2.6, 3], [4.6, 5.2], [3.1, 3.5]),
  "block:4x1@70": expect([0.8, 0.9], [2.6, 3], [4.6, 5.2], [3.1, 3.5]),
  "2:4x16": expect([0.85, 0.93], [1.7, 1.85], [2.9, 3.2], [2, 2.2]),
  "2:4x8": expect([0.85, 0.93], [1.7, 1.85], [2.9, 3.2], [2, 2.2]),
  "2:4": expect([0.72, 0.84], [1.45, 1.65], [2.5, 2.9], [1.7, 1.95]),
  "1:4": expect([0.68, 0.78], [2.6, 3.05], [4.5, 5.3], [3.1, 3.6]),
  "unstructured@70": expect([0.65, 0.78], [2.2, 2.6], [3.9, 4.5], [2.7, 3.1]),
};

function expect(share: Bar, dense: Bar, ort: Bar, litert: Bar): Expectation {
  return { share, faster: { "filigree-dense": dense, "onnxruntime-web": ort, litert } };
}

/** One measured number that is below its floor. */
export interface Shortfall {
  readonly of: string; // "share", the name of an engine, or "threads"
  readonly value: number;
  readonly floor: number;
}

/** How much of its floors a row of one thread misses; `alone` is the same row of one thread, for rows of more. */
export function shortfalls(row: LayerRow, alone?: LayerRow): Shortfall[] {
  const expected = expectations[row.pattern];
  const numbers: Shortfall[] = [];
  if (row.threads > 1) {
    // More threads have no floors but this one: they are never slower. Noise of some hundredths is no loss.
    if (alone) numbers.push({ of: "threads", value: alone.ms.filigree / row.ms.filigree, floor: 0.97 });
  } else if (expected) {
    numbers.push({ of: "share", value: shareOf(row), floor: expected.share[0] });
    for (const [engine, [floor]] of Object.entries(expected.faster))
      numbers.push({ of: engine, value: row.ms[engine] / row.ms.filigree, floor });
  }
  return numbers.filter(({ value, floor }) => !(value >= floor));
}

/** "1x1 256->256 @14, dense: 80 % of the peak, floor 90 %" */
export function describeShortfall(row: LayerRow, { of, value, floor }: Shortfall): string {
  const what = `${row.case}, ${row.pattern}, ${row.threads} ${row.threads > 1 ? "threads" : "thread"}`;
  if (of === "share") return `${what}: ${percent(value)} of the peak, floor ${percent(floor)}`;
  return `${what}: ${value.toFixed(2)} times ${of === "threads" ? "one thread" : of}, floor ${floor}`;
}

/** The row of the same case and pattern on one thread. */
export function aloneOf(row: LayerRow, rows: readonly LayerRow[]): LayerRow | undefined {
  return rows.find((other) => {
    return other.threads === 1 && other.case === row.case && other.pattern === row.pattern;
  });
}

/** Of the peak, on the weights that are kept. */
export const shareOf = ({ gflops, peakGflops }: LayerRow): number => gflops / peakGflops;

export function percent(value: number): string {
  return `${(100 * value).toFixed(0)} %`;
}
