/** What `npm start` finds out, as plain data: the table, the report and --json are made of it. */
import type { Timing } from "../pruner/bench/index.ts";
import type { PruneReport } from "../pruner/index.ts";

/** One network on one runtime. */
export interface ResultRow {
  readonly network: "dense" | "SMART" | "magnitude";
  readonly runtime: "onnxruntime-web" | "Filigree";
  readonly correct: number; // of `images` held-out digits, predicted where the time was measured
  readonly images: number;
  readonly reported: number; // correct, as the pruner counted them
  readonly keptWeights: number; // not removed, of all weights of the network
  readonly weights: number;
  readonly fileBytes: number;
  readonly timing: Timing;
  readonly insideMs?: number; // of a call, in the worker alone
  readonly ratio: number; // minimum of the first row / this minimum
  readonly maxError: number; // greatest difference of an output from the same network on onnxruntime-web
}

export interface DemoResult {
  readonly rows: readonly ResultRow[];
  readonly smart: PruneReport;
  readonly magnitude: PruneReport;
  readonly place: "chromium" | "node";
  readonly threads: number;
  readonly notes: readonly string[];
  readonly machine: string; // "Intel Xeon, 2 cores; Chrome 156"
  readonly seconds: number; // of the whole run
}

export function rowName({ network, runtime }: ResultRow): string {
  return `${network} on ${runtime}`;
}

export const percent = (fraction: number, digits = 1): string => `${(100 * fraction).toFixed(digits)} %`;
export const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

/** The table, in the terminal, in the report and in the README. */
export const table = {
  head: ["network", "accuracy", "kept weights", "file", "median", "minimum", "ratio"],
  row: (row: ResultRow): string[] => [
    rowName(row),
    percent(row.correct / row.images, 2),
    percent(row.keptWeights / row.weights),
    kilobytes(row.fileBytes),
    `${row.timing.medianMs.toFixed(3)} ms`,
    `${row.timing.minMs.toFixed(3)} ms`,
    `${row.ratio.toFixed(2)}×`,
  ],
};

/** Sentences under the plots: how it was measured, and what held exactly. */
export function facts({
  rows,
  smart,
  magnitude,
  place,
  threads,
  notes,
  machine,
  seconds,
}: DemoResult): string[] {
  const sentences = [
    `${machine}; ${threads} ${threads > 1 ? "threads" : "thread"}; the whole run took ${(seconds / 60).toFixed(1)} minutes.`,
    `${smart.blocks.kept} of ${smart.blocks.total} blocks kept by SMART, ${magnitude.blocks.kept} by magnitude (asked: ${smart.blocks.asked}).`,
  ];
  const end = smart.search?.epochs.at(-1);
  if (end) {
    sentences.push(
      `At the end of the search ${percent(end.softFraction, 2)} of the masks were soft, and loss(hard) - loss(soft) was ${(end.lossHard - end.lossSoft).toExponential(1)}.`,
    );
  }
  const exact = rows.every(({ correct, reported }) => correct === reported);
  const where = place === "chromium" ? "the browser" : "Node's WebAssembly";
  sentences.push(
    exact
      ? `On each network the accuracy that ${where} measured equals what the pruner reported, digit for digit of ${rows[0].images}.`
      : `The accuracy that ${where} measured differs from what the pruner reported.`,
    ...insideSentences(rows),
  );
  return [...sentences, ...notes];
}

function insideSentences(rows: readonly ResultRow[]): string[] {
  const smart = rows.find((row) => rowName(row) === "SMART on Filigree");
  if (smart?.insideMs === undefined) return [];
  return [
    "onnxruntime-web computes in the page, Filigree in its worker: the message there and back is in Filigree's time " +
      `(SMART: ${smart.timing.minMs.toFixed(2)} ms, of which the worker computes ${smart.insideMs.toFixed(2)}).`,
  ];
}
