/** The tables that `npm run bench -- layers` prints, and those that it writes into the README. */
import { quantile } from "../../pruner/bench/measure.ts";
import {
  aloneOf,
  describeShortfall,
  expectations,
  percent,
  type Shortfall,
  shareOf,
  shortfalls,
} from "./expected.ts";
import type { LayerRow } from "./layer-row.ts";
import type { TableData } from "./networks-table.ts";

const engines = ["filigree-dense", "onnxruntime-web", "litert", "tfjs-wasm"];

/** A row for each layer and pattern; a number below its floor has the floor beside it. */
export function layerTable(rows: readonly LayerRow[]): TableData {
  const head = ["layer", "pattern", "threads", "ms", "% of peak"];
  head.push(...engines.map((engine) => `vs ${engine}`), "vs 1 thread", "spread", "max error");
  const cells = rows.map((row) => {
    const alone = aloneOf(row, rows);
    const missed = shortfalls(row, alone);
    const mark = (of: string, text: string, floor = (s: Shortfall) => String(s.floor)) => {
      const shortfall = missed.find((one) => one.of === of);
      return shortfall ? `${text} < ${floor(shortfall)}` : text;
    };
    return [
      row.case,
      row.pattern,
      String(row.threads),
      row.ms.filigree.toFixed(3),
      mark("share", percent(shareOf(row)), ({ floor }) => percent(floor)),
      ...engines.map((engine) => mark(engine, times(row.ms[engine] / row.ms.filigree))),
      row.threads > 1 && alone ? mark("threads", times(alone.ms.filigree / row.ms.filigree)) : "",
      `${(100 * Math.max(...Object.values(row.spread))).toFixed(1)} %`,
      row.maxError.toExponential(1),
    ];
  });
  return { head, cells };
}

/** One sentence for each floor that is missed. */
export function missedFloors(rows: readonly LayerRow[]): string[] {
  return rows.flatMap((row) =>
    shortfalls(row, aloneOf(row, rows)).map((shortfall) => describeShortfall(row, shortfall)),
  );
}

/** For the README: a row for each pattern, the median of its layers, and in brackets the floor of one thread. */
export function patternTable(rows: readonly LayerRow[]): TableData {
  const single = rows.filter(({ threads }) => threads === 1);
  const several = rows.filter((row) => row.threads > 1 && aloneOf(row, rows));
  const head = ["pattern", "of the peak", "own dense", "onnxruntime-web", "LiteRT.js", "tfjs-wasm"];
  const threads = [...new Set(several.map((row) => row.threads))];
  head.push(...threads.map((count) => `${count} threads`));
  const cells = [...new Set(single.map(({ pattern }) => pattern))].map((pattern) => {
    const own = single.filter((row) => row.pattern === pattern);
    const expected = expectations[pattern];
    const shares = `${percent(median(own.map(shareOf)))} (${percent(expected.share[0])})`;
    const ratios = engines.map((engine) => {
      const value = median(own.map(({ ms }) => ms[engine] / ms.filigree));
      const floor = expected.faster[engine]?.[0];
      return `${value.toFixed(2)}×${floor === undefined ? "" : ` (${floor})`}`;
    });
    const scaling = threads.map((count) => {
      const shared = several.filter((row) => row.pattern === pattern && row.threads === count);
      if (!shared.length) return "";
      return `${median(shared.map((row) => aloneOf(row, rows)!.ms.filigree / row.ms.filigree)).toFixed(2)}×`;
    });
    return [pattern, shares, ...ratios, ...scaling];
  });
  return { head, cells };
}

/** For the README: a row for each layer, a column for each pattern: milliseconds, and the share of the peak. */
export function shareTable(rows: readonly LayerRow[]): TableData {
  const single = rows.filter(({ threads }) => threads === 1);
  const patterns = [...new Set(single.map(({ pattern }) => pattern))];
  const cells = [...new Set(single.map((row) => row.case))].map((name) => [
    name,
    ...patterns.map((pattern) => {
      const row = single.find((one) => one.case === name && one.pattern === pattern);
      if (!row) return "";
      const isLow = shortfalls(row).some(({ of }) => of === "share");
      const share = percent(shareOf(row));
      return `${row.ms.filigree.toFixed(2)} ms, ${isLow ? `**${share}**` : share}`;
    }),
  ]);
  return { head: ["layer", ...patterns], cells };
}

const median = (values: readonly number[]) => quantile(values, 0.5);

const times = (ratio: number) => `${ratio.toFixed(2)}x`;
