/** The tables of docs/experiments.md, from the results that there are. */
import { mean } from "simple-statistics";
import { markdownTable } from "../../pruner/bench/markdown.ts";
import { type Cell, cells } from "./cells.ts";
import { networks } from "./data.ts";
import { type CellResult, type Results, unpackBits } from "./result.ts";
import { halfInterval, meanText, pairedBootstrap } from "./statistics.ts";

/** Below this many points two methods tie. */
const tie = 0.005;

export function tablesOf(results: Results): string {
  const done = cells.flatMap((cell) => results.read(cell.id) ?? []);
  const seconds = done.reduce((sum, result) => sum + result.seconds, 0);
  const parts = [
    `${done.length} of ${cells.length} cells are done; they took ${(seconds / 3600).toFixed(1)} hours.`,
    ...section("core", "ResNet-8, blocks 16x8", done),
    ...section("resnet20", "ResNet-20, blocks 16x8", done),
    ...section("control", "Controls: ResNet-20 at 85 %", done),
    ...section("n:m", "N:M: ResNet-20", done),
    ...trialSection(done),
  ];
  return parts.join("\n\n");
}

function section(group: Cell["group"], title: string, done: readonly CellResult[]): string[] {
  const own = done.filter((result) => result.group === group);
  if (own.length === 0) return [`### ${title}`, "No cell is done yet."];
  const [{ dense, network }] = own;
  const head = `### ${title}`;
  const start = `Dense ${networks[network].title}: ${(100 * dense).toFixed(2)} %.`;
  return [head, start, accuracyTable(own), ...(group === "control" ? [] : comparison(own))];
}

/** One row a method and target: mean and deviation, each seed, multiplications, bytes, milliseconds. */
function accuracyTable(own: readonly CellResult[]): string {
  const rows = [...groupBy(own, (r) => `${r.label}|${r.pattern}|${r.sparsity ?? ""}`).values()].map(
    (of) => {
      const [first] = of;
      const times = of.flatMap(({ milliseconds }) => milliseconds ?? []);
      const time = times.length
        ? `${mean(times.map((t) => t.sparse)).toFixed(2)} of ${mean(times.map((t) => t.dense)).toFixed(2)}`
        : "";
      return [
        first.label,
        first.pattern.replace("block:", ""),
        first.sparsity === undefined ? "" : `${100 * first.sparsity} %`,
        meanText(of.map(({ accuracy }) => accuracy)),
        of.map(({ accuracy }) => (100 * accuracy).toFixed(2)).join(", "),
        `${Math.round((100 * mean(of.map(({ macs }) => macs.kept))) / first.macs.dense)} %`,
        `${Math.round(mean(of.map(({ bytes }) => bytes.stored)) / 1000)} kB`,
        time,
        first.blocks.kept === first.blocks.asked ? `${first.blocks.kept}` : `${first.blocks.kept} (!)`,
      ];
    },
  );
  const head = [
    "method",
    "pattern",
    "sparsity",
    "accuracy %",
    "each seed",
    "multiplications",
    "bytes",
    "ms sparse of dense",
    "blocks kept",
  ];
  return markdownTable(head, rows);
}

/** SMART against the best other method of each target, seed by seed and image by image. */
function comparison(own: readonly CellResult[]): string[] {
  const rows = [...groupBy(own, (r) => `${r.pattern}|${r.sparsity ?? ""}`).values()].flatMap(
    (target) => {
      const byLabel = groupBy(target, ({ label }) => label);
      const smart = byLabel.get("smart");
      const meanOf = (of: readonly CellResult[]) => mean(of.map(({ accuracy }) => accuracy));
      const others = [...byLabel].filter(([label]) => label !== "smart");
      if (!smart || others.length === 0) return [];
      const [label, best] = others.reduce((a, b) => (meanOf(b[1]) > meanOf(a[1]) ? b : a));
      const pairs = smart.flatMap((a) => {
        const b = best.find(({ seed }) => seed === a.seed);
        return b ? [{ a, b }] : [];
      });
      if (pairs.length === 0) return [];
      const differences = pairs.map(({ a, b }) => a.accuracy - b.accuracy);
      const bits = (of: "a" | "b") => pairs.flatMap((p) => unpackBits(p[of].right, p[of].images));
      const [low, high] = pairedBootstrap(bits("a"), bits("b"));
      const difference = mean(differences);
      const half = halfInterval(differences);
      const points = (value: number) => (100 * value).toFixed(2);
      const verdict =
        Math.abs(difference) < tie ? "tie" : difference > 0 ? "SMART ahead" : `${label} ahead`;
      return [
        [
          target[0].pattern.replace("block:", ""),
          target[0].sparsity === undefined ? "" : `${100 * target[0].sparsity} %`,
          label,
          points(difference),
          Number.isFinite(half) ? `± ${points(half)}` : "one seed",
          `${points(low)} to ${points(high)}`,
          verdict,
        ],
      ];
    },
  );
  if (rows.length === 0) return [];
  const head = [
    "pattern",
    "sparsity",
    "best other",
    "SMART minus it, points",
    "95 % over seeds",
    "95 % over images",
    "verdict",
  ];
  return [markdownTable(head, rows)];
}

function trialSection(done: readonly CellResult[]): string[] {
  const own = done.filter(({ group }) => group === "trial");
  if (own.length === 0) return ["### Trials", "No trial is done yet."];
  const rows = own.map(({ label, options, accuracy }) => [
    label,
    JSON.stringify(options),
    (100 * accuracy).toFixed(2),
  ]);
  return ["### Trials", markdownTable(["trial", "setting", "accuracy % on held images"], rows)];
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}
