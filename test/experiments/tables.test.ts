/** The tables of docs/experiments.md on results that are made up here, to see what they say of them. */
import { describe, expect, test } from "vitest";
import { type Cell, cells } from "./cells.ts";
import { chosenTrial, isReady, trialsOf } from "./ready.ts";
import { type CellResult, packBits, type Results, unpackBits } from "./result.ts";
import { pairedBootstrap } from "./statistics.ts";
import { equalAccuracy, summaryOf, tablesOf } from "./tables.ts";

const images = 1000;

/** A result that never was: of 1000 images the first ones are right. */
function madeUp(cell: Cell, accuracy: number, more: Partial<CellResult> = {}): CellResult {
  const right = Array.from({ length: images }, (_, i) => i < accuracy * images);
  return {
    ...cell,
    setting: {},
    dense: 0.9,
    accuracy,
    images,
    right: packBits(right),
    blocks: { total: 100, asked: 30, kept: 30 },
    macs: { dense: 1000, kept: 400 },
    bytes: { dense: 400_000, stored: 130_000 },
    layers: [],
    seconds: 3600,
    ...more,
  };
}

function resultsOf(list: readonly CellResult[]): Results {
  const byId = new Map(list.map((result) => [result.id, result]));
  return { read: (id) => byId.get(id), write: () => {} };
}

const find = (test: (cell: Cell) => boolean) => cells.filter(test);
const core = (method: string, sparsity: number) =>
  find((c) => c.group === "core" && c.method === method && c.sparsity === sparsity);
const rowOf = (text: string, ...words: string[]) =>
  text.split("\n").find((line) => line.startsWith("|") && words.every((word) => line.includes(word)));

describe("tables of made-up results", () => {
  test("without results every section says so", () => {
    const text = tablesOf(resultsOf([]));
    expect(text).toContain(`0 of ${cells.length} cells are done; they took 0.0 hours.`);
    expect(text).not.toContain("|");
  });

  test("a row lists every seed, its mean and deviation, and what is left", () => {
    const done = core("smart", 0.85).map((cell, i) => madeUp(cell, [0.8, 0.82, 0.84][i]));
    const row = rowOf(tablesOf(resultsOf(done)), "smart", "85 %")!;
    expect(row).toContain("82.00 ± 2.00");
    expect(row).toContain("80.00, 82.00, 84.00");
    expect(row).toContain("40 %");
    expect(row).toContain("130 kB");
  });

  test.each([
    [[0.8, 0.82, 0.84], [0.75, 0.77, 0.79], "5.00", "SMART ahead"],
    [[0.8, 0.8, 0.8], [0.804, 0.796, 0.802], "-0.07", "tie"],
    [[0.7, 0.72, 0.71], [0.75, 0.78, 0.79], "-6.33", "pdp ahead"],
  ])("SMART %j against the best other %j", (smart, pdp, difference, verdict) => {
    const done = [
      ...core("smart", 0.85).map((cell, i) => madeUp(cell, smart[i])),
      ...core("pdp", 0.85).map((cell, i) => madeUp(cell, pdp[i])),
      ...core("magnitude", 0.85).map((cell) => madeUp(cell, 0.3)),
    ];
    const row = rowOf(tablesOf(resultsOf(done)), "85 %", verdict)!;
    expect(row).toContain("| pdp |");
    expect(row).toContain(`| ${difference} |`);
  });

  test("a difference whose interval over images holds 0 may be chance", () => {
    const [[smart], [pas]] = [core("smart", 0.85), core("pas", 0.85)];
    const last = packBits(Array.from({ length: images }, (_, i) => i >= 0.2 * images));
    const done = [madeUp(smart, 0.81), madeUp(pas, 0.8, { right: last })];
    expect(rowOf(tablesOf(resultsOf(done)), "| pas |", "1.00")).toContain("SMART ahead, or chance");
  });

  test("a difference that seeds do not agree on may be chance, however sure the images are", () => {
    const done = [
      ...core("smart", 0.85).map((cell, i) => madeUp(cell, [0.8, 0.82, 0.9][i])),
      ...core("pas", 0.85).map((cell, i) => madeUp(cell, [0.78, 0.81, 0.8][i])),
    ];
    const row = rowOf(tablesOf(resultsOf(done)), "| pas |", "4.33")!;
    expect(row).toContain("± 12.25");
    expect(row).toContain("SMART ahead, or chance");
  });

  test("an image counts once in the interval, however many seeds there are", () => {
    const a = Array.from({ length: images }, (_, i) => i < 0.82 * images);
    const b = Array.from({ length: images }, (_, i) => i < 0.8 * images);
    expect(pairedBootstrap([a, a, a], [b, b, b])).toEqual(pairedBootstrap([a], [b]));
  });

  test("a network that is trained longer is compared with one that is, too", () => {
    const long = find(({ group }) => group === "long");
    const done = long.map((cell) =>
      madeUp(cell, (cell.method === "smart" ? 0.8 : 0.7) + (cell.training!.distillation ? 0.08 : 0)),
    );
    const text = tablesOf(resultsOf(done));
    expect(rowOf(text, "| magnitude distilled |", "10.00")).toContain("SMART ahead");
    expect(rowOf(text, "| magnitude |", "10.00")).toContain("SMART ahead");
  });

  test("a kept count that is not the budget stands out", () => {
    const [cell] = core("smart", 0.5);
    const wrong = madeUp(cell, 0.8, { blocks: { total: 100, asked: 50, kept: 49 } });
    expect(rowOf(tablesOf(resultsOf([wrong])), "smart", "50 %")).toContain("49 (!)");
  });

  test("a large sparse network stands beside the small dense one", () => {
    const [cell] = find(({ group }) => group === "size");
    const done = madeUp(cell, 0.92, {
      againstAccuracy: 0.9,
      milliseconds: { sparse: 1, dense: 3, against: 1.1, place: "chromium" },
    });
    const row = rowOf(tablesOf(resultsOf([done])), "92.00", "90.00")!;
    expect(row).toContain("1.10");
    expect(row).toContain("2.00");
  });

  test("DIMAP stands beside uniform and global magnitude", () => {
    const done = find((c) => c.group === "dimap" && c.sparsity === 0.5 && c.pattern === "unstructured");
    const text = tablesOf(resultsOf(done.map((cell, i) => madeUp(cell, [0.7, 0.5, 0.6][i]))));
    expect(rowOf(text, "unstructured", "70.00")).toMatch(/70\.00 +\| 50\.00 +\| 60\.00/);
  });

  test("budgets of time are compared at equal accuracy only, each by its own dense time", () => {
    const [cell] = find(({ group }) => group === "latency");
    const at = (accuracy: number, sparse: number, dense: number) =>
      madeUp(cell, accuracy, { milliseconds: { sparse, dense, place: "chromium" } });
    const blocks = [at(0.9, 2, 4), at(0.8, 1, 4)];
    const time = [at(0.92, 3.2, 8), at(0.85, 2, 8)]; // on a machine that is half as fast
    // At 90 % the second takes 0.4 - 0.15 (2 / 7); at 85 % the first takes 0.375. Beyond, one of them has no point.
    expect(equalAccuracy(blocks, time)).toEqual([
      ["90.00", "50.0 %", "35.7 %", "1.40×"],
      ["85.00", "37.5 %", "25.0 %", "1.50×"],
    ]);
    expect(equalAccuracy(blocks, [])).toEqual([]);
  });
});

test("the table at a glance has a column for each network and sparsity, and gaps where a cell is not done", () => {
  const done = [
    ...core("smart", 0.85).map((cell, i) => madeUp(cell, [0.8, 0.82, 0.84][i])),
    ...core("smart", 0.5).map((cell) => madeUp(cell, 0.88)),
    madeUp(core("pas", 0.85)[0], 0.7),
    madeUp(find((c) => c.group === "resnet20" && c.method === "smart")[0], 0.9, { dense: 0.92 }),
  ];
  const lines = summaryOf(resultsOf(done)).split("\n");
  expect(lines[0]).toMatch(/ResNet-8.*, 50 % \| ResNet-8.*, 85 % \| ResNet-20, 50 %/);
  expect(lines.slice(2)).toEqual([
    "| dense | 90.00 | 90.00 | 92.00 |",
    "| smart | 88.00 ± 0.00 | 82.00 ± 2.00 | 90.00 |",
    "| pas |  | 70.00 |  |",
  ]);
});

test("controls stand beside SMART and magnitude at the same sparsity", () => {
  const done = [
    ...find(({ group, sparsity }) => group === "resnet20" && sparsity !== 0.7),
    ...find(({ group }) => group === "control"),
  ].map((cell) => madeUp(cell, 0.8));
  const [, controls] = tablesOf(resultsOf(done)).split("### Controls: ResNet-20 at 85 %");
  const rows = controls
    .split("###")[0]
    .split("\n")
    .filter((line) => line.startsWith("| "));
  const labels = rows.slice(2).map((row) => row.split(" | ")[0].slice(2));
  expect(labels.slice(0, 4)).toEqual(["smart", "magnitude", "smart per layer", "smart fixed tau"]);
  expect(labels).not.toContain("pas");
});

describe("cells", () => {
  test("have names of their own, and trials come before what waits for them", () => {
    expect(new Set(cells.map(({ id }) => id)).size).toBe(cells.length);
    const seen = new Set<string>();
    for (const cell of cells) {
      for (const { id } of cell.untrained ? [] : trialsOf(cell)) {
        expect(seen.has(id), `${cell.id} before ${id}`).toBe(true);
      }
      seen.add(cell.id);
    }
  });

  test("of ResNet-8 are complete for one seed before the next begins", () => {
    const seeds = find(({ group }) => group === "core").map(({ seed }) => seed);
    expect(seeds).toEqual([...seeds].sort());
    expect(seeds.filter((seed) => seed === 1)).toHaveLength(18);
  });

  test("wait for their method's trials, and take the best", () => {
    const trials = find(
      ({ group, method, sparsity }) => group === "trial" && method === "smart" && sparsity === 0.7,
    );
    const [cell] = core("smart", 0.7);
    const some = resultsOf(trials.slice(1).map((trial) => madeUp(trial, 0.8)));
    expect(isReady(cell, some)).toBe(false);
    const all = resultsOf(trials.map((trial, i) => madeUp(trial, i === 2 ? 0.81 : 0.8)));
    expect(isReady(cell, all)).toBe(true);
    expect(chosenTrial(cell, all)).toEqual(trials[2].options);
  });

  test("by n:m take the best of the trials by n:m, of the others the best of the others", () => {
    const trials = find(({ group, method }) => group === "trial" && method === "pdp");
    const all = resultsOf(trials.map((trial, i) => madeUp(trial, 0.5 + i / 100)));
    const byGroups = find(({ group, method }) => group === "n:m" && method === "pdp");
    expect(byGroups).toHaveLength(2);
    for (const cell of byGroups) expect(chosenTrial(cell, all)).toEqual({ tauStart: 3 });
    expect(chosenTrial(core("pdp", 0.7)[0], all)).toEqual({ tauStart: 1 });
  });
});

test("one bit an image comes back as it was", () => {
  const bits = Array.from({ length: 21 }, (_, i) => i % 3 === 0);
  expect(unpackBits(packBits(bits), 21)).toEqual(bits);
});
