/** The tables that `npm run bench -- networks` prints. */
import { plainTable } from "../../pruner/bench/rows.ts";
import type { NetworkRow } from "./networks-row.ts";

/** Milliseconds of every engine, and how many times faster Filigree is than each: by minima, in brackets by medians. */
export function networkTable(rows: readonly NetworkRow[]): string {
  const others = engines(rows).filter((name) => name !== "filigree");
  const head = ["network", "pattern", "threads", "ms"].concat(
    others.flatMap((name) => [`${name} ms`, "times faster"]),
    ["spread", "GFLOP/s", "% of peak", "max error"],
  );
  const cells = rows.map((row) => [
    row.case,
    row.sparsity ? `${row.pattern} ${(100 * row.sparsity).toFixed()} %` : row.pattern,
    String(row.threads),
    row.ms.filigree.toFixed(2),
    ...others.flatMap((name) => {
      if (row.ms[name] === undefined) return ["", ""];
      const ratio = (ms: NetworkRow["ms"]) => (ms[name] / ms.filigree).toFixed(2);
      return [row.ms[name].toFixed(2), `${ratio(row.ms)}x (${ratio(row.medianMs)}x)`];
    }),
    `${(100 * Math.max(...Object.values(row.spread))).toFixed(1)} %`,
    row.gflops.toFixed(1),
    `${((100 * row.gflops) / row.peakGflops).toFixed(0)} %`,
    row.maxError.toExponential(1),
  ]);
  return plainTable(head, cells);
}

export function coldTable(rows: readonly NetworkRow[]): string {
  const head = [
    "cold start",
    "engine",
    "threads",
    "MB",
    "load ms",
    "prepare ms",
    "first run ms",
    "together",
  ];
  const cells = rows.flatMap((row) =>
    Object.entries(row.coldStart ?? {}).map(([engine, { bytes, loadMs, prepareMs, firstRunMs }]) => [
      row.case,
      engine,
      String(row.threads),
      (bytes / 1e6).toFixed(2),
      loadMs.toFixed(1),
      prepareMs.toFixed(1),
      firstRunMs.toFixed(1),
      (loadMs + prepareMs + firstRunMs).toFixed(1),
    ]),
  );
  return plainTable(head, cells);
}

function engines(rows: readonly NetworkRow[]): string[] {
  return [...new Set(rows.flatMap(({ ms }) => Object.keys(ms)))];
}
