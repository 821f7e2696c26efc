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
    ...section("long", "ResNet-20, by epochs of all 50 000 images", done),
    ...heldSection("cause", "What ResNet-20 loses at 70 %, and by what", done),
    ...latencySection(done),
    ...controlSection(done),
    ...section("n:m", "N:M: ResNet-20", done),
    ...sizeSection(done),
    ...dimapSection(done),
    ...heldSection("trial", "Trials", done),
  ];
  return parts.join("\n\n");
}

/** Test accuracy of the methods at a glance: a column a network and sparsity. */
export function summaryOf(results: Results): string {
  const done = cells.flatMap((cell) => results.read(cell.id) ?? []);
  const grid = done
    .filter(({ group }) => group === "core" || group === "resnet20")
    .sort(
      (a, b) => Number(a.group !== "core") - Number(b.group !== "core") || a.sparsity! - b.sparsity!,
    );
  const columns = groupBy(
    grid,
    (r) => `${networks[r.network].title.replace(/ \(.*/, "")}, ${sparsityText(r)}`,
  );
  const accuracies = (of: readonly CellResult[]) => of.map(({ accuracy }) => accuracy);
  const rows = [...groupBy(grid, ({ label }) => label).keys()].map((label) => [
    label,
    ...Array.from(columns.values(), (of) => meanText(accuracies(of.filter((r) => r.label === label)))),
  ]);
  const dense = Array.from(columns.values(), ([{ dense }]) => (100 * dense).toFixed(2));
  return markdownTable(["accuracy %", ...columns.keys()], [["dense", ...dense], ...rows]);
}

function section(group: Cell["group"], title: string, done: readonly CellResult[]): string[] {
  const own = done
    .filter((result) => result.group === group)
    .sort((a, b) => (a.sparsity ?? 0) - (b.sparsity ?? 0));
  const head = `### ${title}`;
  if (own.length === 0) return [head, "No cell is done yet."];
  return [head, denseLine(own[0]), accuracyTable(own), ...comparison(own)];
}

/** What SMART is without one of its parts, beside SMART and magnitude as they are elsewhere. */
function controlSection(done: readonly CellResult[]): string[] {
  const own = done.filter(({ group }) => group === "control");
  const head = "### Controls: ResNet-20 at 85 %";
  if (own.length === 0) return [head, "No cell is done yet."];
  const whole = done.filter(
    ({ group, label, sparsity }) =>
      group === "resnet20" &&
      sparsity === own[0].sparsity &&
      (label === "smart" || label === "magnitude"),
  );
  return [head, denseLine(own[0]), accuracyTable([...whole, ...own])];
}

function denseLine({ network, dense }: CellResult): string {
  return `Dense ${networks[network].title}: ${(100 * dense).toFixed(2)} %.`;
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
        sparsityText(first),
        meanText(of.map(({ accuracy }) => accuracy)),
        of.map(({ accuracy }) => (100 * accuracy).toFixed(2)).join(", "),
        `${Math.round((100 * mean(of.map(({ macs }) => macs.kept))) / first.macs.dense)} %`,
        `${Math.round(mean(of.map(({ bytes }) => bytes.stored)) / 1000)} kB`,
        time,
        // Of a budget of time or multiplications the number of blocks is not asked for.
        first.budget || first.blocks.kept === first.blocks.asked
          ? `${first.blocks.kept}`
          : `${first.blocks.kept} (!)`,
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

/** SMART against the best other method of each target and training, seed by seed and image by image. */
function comparison(own: readonly CellResult[]): string[] {
  const trainedAlike = (r: CellResult) => `${r.pattern}|${r.sparsity}|${JSON.stringify(r.training)}`;
  const rows = [...groupBy(own, trainedAlike).values()].flatMap((target) => {
    const smart = target.filter(({ method }) => method === "smart");
    const others = [
      ...groupBy(
        target.filter(({ method }) => method !== "smart"),
        ({ label }) => label,
      ),
    ];
    const meanOf = (of: readonly CellResult[]) => mean(of.map(({ accuracy }) => accuracy));
    if (smart.length === 0 || others.length === 0) return [];
    const [label, best] = others.reduce((a, b) => (meanOf(b[1]) > meanOf(a[1]) ? b : a));
    const pairs = smart.flatMap((a) => {
      const b = best.find(({ seed }) => seed === a.seed);
      return b ? [{ a, b }] : [];
    });
    if (pairs.length === 0) return [];
    const differences = pairs.map(({ a, b }) => a.accuracy - b.accuracy);
    const bits = (of: "a" | "b") => pairs.map((p) => unpackBits(p[of].right, p[of].images));
    const [low, high] = pairedBootstrap(bits("a"), bits("b"));
    const difference = mean(differences);
    const half = halfInterval(differences);
    const points = (value: number) => (100 * value).toFixed(2);
    const ahead = difference > 0 ? "SMART ahead" : `${label} ahead`;
    const isChance = (low <= 0 && high >= 0) || (pairs.length > 1 && Math.abs(difference) <= half);
    const verdict = Math.abs(difference) < tie ? "tie" : isChance ? `${ahead}, or chance` : ahead;
    return [
      [
        target[0].pattern.replace("block:", ""),
        sparsityText(target[0]),
        label,
        points(difference),
        Number.isFinite(half) ? `± ${points(half)}` : "one seed",
        `${points(low)} to ${points(high)}`,
        verdict,
      ],
    ];
  });
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

/** Budgets of blocks, multiplications and microseconds beside each other, and what they cost at equal accuracy. */
function latencySection(done: readonly CellResult[]): string[] {
  const own = done.filter(({ group }) => group === "latency");
  const head = "### Budgets of time: SMART on ResNet-20, blocks 16x8";
  if (own.length === 0) return [head, "No cell is done yet."];
  const byBlocks = done
    .filter(({ group, label }) => group === "resnet20" && label === "smart")
    .map((result) => ({ ...result, label: "smart by blocks" }));
  const all = [...byBlocks, ...own];
  const rows = equalAccuracy(
    byBlocks,
    own.filter(({ budget }) => budget === "latency"),
  );
  const text =
    "The worker's time at equal accuracy, as a part of the dense network's beside it, on the lines through the points of either budget:";
  const columns = ["accuracy %", "by blocks", "by microseconds", "ratio"];
  return [head, accuracyTable(all), ...(rows.length > 0 ? [text, markdownTable(columns, rows)] : [])];
}

/**
 * At the accuracies of one budget that the other reaches: the times of both, each as a part of the dense network's in
 * the same run, as cells are measured on different days and machines. Each has to have two points.
 */
export function equalAccuracy(a: readonly CellResult[], b: readonly CellResult[]): string[][] {
  const [lineA, lineB] = [a, b].map(lineOf);
  if (lineA.length < 2 || lineB.length < 2) return [];
  return [...lineA, ...lineB]
    .map(({ accuracy }) => accuracy)
    .sort((x, y) => y - x)
    .flatMap((accuracy) => {
      const [x, y] = [timeAt(lineA, accuracy), timeAt(lineB, accuracy)];
      if (x === undefined || y === undefined) return [];
      const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
      return [[(100 * accuracy).toFixed(2), percent(x), percent(y), `${(x / y).toFixed(2)}×`]];
    });
}

interface Point {
  readonly accuracy: number;
  readonly time: number; // of the dense network's
}

/** Measured results by rising time. */
function lineOf(results: readonly CellResult[]): Point[] {
  return results
    .flatMap(({ accuracy, milliseconds }) => {
      const ms = milliseconds?.inside ?? milliseconds;
      return ms ? [{ accuracy, time: ms.sparse / ms.dense }] : [];
    })
    .sort((x, y) => x.time - y.time);
}

/** The least time at which the line through the points has an accuracy. */
function timeAt(line: readonly Point[], accuracy: number): number | undefined {
  for (const [i, { accuracy: to, time: end }] of line.entries()) {
    if (to === accuracy) return end;
    if (i === 0) continue;
    const { accuracy: from, time: start } = line[i - 1];
    if ((from - accuracy) * (to - accuracy) < 0) {
      return start + ((end - start) * (accuracy - from)) / (to - from);
    }
  }
  return undefined;
}

/** A large sparse network against a small dense one. */
function sizeSection(done: readonly CellResult[]): string[] {
  const own = done.filter(({ group }) => group === "size");
  const head = "### A large sparse network against a small dense one";
  if (own.length === 0) return [head, "No cell is done yet."];
  const rows = own.map((result) => {
    const { network, label, against, sparsity, dense, accuracy, againstAccuracy } = result;
    const ms = result.milliseconds?.inside ?? result.milliseconds;
    return [
      `${networks[network].title}, ${(100 * dense).toFixed(2)} % dense`,
      label,
      sparsityText({ sparsity }),
      (100 * accuracy).toFixed(2),
      ms ? ms.sparse.toFixed(2) : "",
      networks[against!].title,
      againstAccuracy === undefined ? "" : (100 * againstAccuracy).toFixed(2),
      ms?.against ? ms.against.toFixed(2) : "",
      againstAccuracy === undefined ? "" : (100 * (accuracy - againstAccuracy)).toFixed(2),
    ];
  });
  const small = ["dense", "accuracy %", "ms"];
  const columns = [
    "large",
    "method",
    "time removed",
    "accuracy %",
    "ms",
    ...small,
    "difference, points",
  ];
  const start = "Milliseconds are the worker's, the two networks side by side:";
  return [head, start, markdownTable(columns, rows)];
}

/** What is left of a transformer before any training. */
function dimapSection(done: readonly CellResult[]): string[] {
  const own = done.filter(({ group }) => group === "dimap");
  const head = "### DIMAP without data, before fine-tuning: ViT";
  if (own.length === 0) return [head, "No cell is done yet."];
  const labels = [...new Set(own.map(({ label }) => label))];
  const rows = [...groupBy(own, (r) => `${r.pattern}|${r.sparsity}`).values()].map((of) => [
    of[0].pattern.replace("block:", ""),
    sparsityText(of[0]),
    ...labels.map((label) => meanText(of.filter((r) => r.label === label).map((r) => r.accuracy))),
  ]);
  const start = `Dense ${networks[own[0].network].title}: ${(100 * own[0].dense).toFixed(2)} %. Accuracy % on ${own[0].images} test images, nothing trained:`;
  return [head, start, markdownTable(["pattern", "sparsity", ...labels], rows)];
}

/** Cells on held images; the test set is not touched. */
function heldSection(group: Cell["group"], title: string, done: readonly CellResult[]): string[] {
  const own = done.filter((result) => result.group === group);
  if (own.length === 0) return [`### ${title}`, "No cell is done yet."];
  const [{ network, images, dense }] = own;
  const start = `${networks[network].title}, half as long as a cell. Accuracy % on ${images} held images, dense ${(100 * dense).toFixed(2)} %:`;
  const rows = own.map(({ label, pattern, options, training, accuracy }) => [
    label,
    pattern.replace("block:", ""),
    JSON.stringify({ ...options, ...training }),
    (100 * accuracy).toFixed(2),
  ]);
  return [`### ${title}`, start, markdownTable(["cell", "pattern", "setting", "accuracy %"], rows)];
}

function sparsityText({ sparsity }: Pick<Cell, "sparsity">): string {
  return sparsity === undefined ? "" : `${Number((100 * sparsity).toFixed(1))} %`;
}

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}
