/** The tables that `npm run bench -- networks` prints, and those that it writes into the README. */
import type { NetworkRow } from "./networks-row.ts";

export interface TableData {
  readonly head: string[];
  readonly cells: string[][];
}

/** Milliseconds of every engine, and how many times faster Filigree is than each: by minima, in brackets by medians. */
export function networkTable(rows: readonly NetworkRow[]): TableData {
  const others = otherEngines(rows);
  const head = ["network", "pattern", "threads", "ms"].concat(
    others.flatMap((name) => [`${name} ms`, "times faster"]),
    ["spread", "GFLOP/s", "% of peak", "max error"],
  );
  const cells = rows.map((row) => [
    ...titles(row),
    row.ms.filigree.toFixed(2),
    ...others.flatMap((name) => {
      if (row.ms[name] === undefined) return ["", ""];
      const byMedians = (row.medianMs[name] / row.medianMs.filigree).toFixed(2);
      return [row.ms[name].toFixed(2), `${ratio(row, name)}x (${byMedians}x)`];
    }),
    `${(100 * Math.max(...Object.values(row.spread))).toFixed(1)} %`,
    row.gflops.toFixed(1),
    `${((100 * row.gflops) / row.peakGflops).toFixed(0)} %`,
    row.maxError.toExponential(1),
  ]);
  return { head, cells };
}

/** For the README: one row a network and pattern, times faster than each engine. */
export function shortTable(rows: readonly NetworkRow[]): TableData {
  const others = otherEngines(rows);
  const head = ["network", "pattern", "threads", "ms", "work left"].concat(others);
  const cells = rows.map((row) => [
    ...titles(row),
    row.ms.filigree.toFixed(1),
    `${(100 * row.workDensity).toFixed(0)} %`,
    ...others.map((name) => (row.ms[name] === undefined ? "–" : `${ratio(row, name)}×`)),
  ]);
  return { head, cells };
}

/** What each engine takes from nothing to its first result. */
export function coldTable(rows: readonly NetworkRow[]): TableData {
  const steps = ["load ms", "prepare ms", "first run ms", "together"];
  const head = ["cold start", "engine", "threads", "MB", ...steps];
  const cells = rows.flatMap((row) =>
    Object.entries(row.coldStart ?? {}).map(([engine, { bytes, loadMs, prepareMs, firstRunMs }]) => [
      row.case,
      engine,
      String(row.threads),
      (bytes / 1e6).toFixed(2),
      ...[loadMs, prepareMs, firstRunMs, loadMs + prepareMs + firstRunMs].map((ms) => ms.toFixed(0)),
    ]),
  );
  return { head, cells };
}

const titles = ({ case: name, pattern, sparsity, threads }: NetworkRow) => [
  name,
  sparsity ? `${pattern} ${(100 * sparsity).toFixed()} %` : pattern,
  String(threads),
];

const ratio = ({ ms }: NetworkRow, engine: string) => (ms[engine] / ms.filigree).toFixed(2);

function otherEngines(rows: readonly NetworkRow[]): string[] {
  const all = new Set(rows.flatMap(({ ms }) => Object.keys(ms)));
  return [...all].filter((name) => name !== "filigree");
}
