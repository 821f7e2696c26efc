/** What `npm run bench -- layers` makes of its numbers: floors, marks, and rows that are wrong. No times are taken. */
import { expect, test } from "vitest";
import { expectations, shortfalls } from "./expected.ts";
import { layerPatterns } from "./layer-cases.ts";
import type { LayerRow } from "./layer-row.ts";
import { failIfWrong, layersCommand, merged } from "./layers.ts";
import { layerTable, missedFloors, patternTable, shareTable } from "./layers-table.ts";
import { networksCommand } from "./networks.ts";

const layer = "1x1 256->256 @14";

/** 16x8 at 70 % exactly as fast as it must be: 88 % of the peak, 3, 5.2 and 3.4 times the others. */
function row(changes: Partial<LayerRow> = {}): LayerRow {
  const ms = { filigree: 1, "filigree-dense": 3, "onnxruntime-web": 5.2, litert: 3.4, "tfjs-wasm": 6 };
  const measured = { ms, medianMs: ms, spread: { filigree: 0.01 }, gflops: 88, peakGflops: 100 };
  const what = { case: layer, pattern: "block:16x8@70", sparsity: 0.7, threads: 1 };
  return { ...what, dtype: "float32", ...measured, maxError: 1e-6, ...changes };
}

const twoThreads = (filigree: number) => row({ threads: 2, ms: { ...row().ms, filigree } });

test("every pattern has its floors, and no other pattern", () => {
  expect(Object.keys(expectations).sort()).toEqual([...layerPatterns].sort());
});

test("a row at its floors misses none", () => {
  expect(shortfalls(row())).toEqual([]);
});

test.each([
  ["the share of the peak", { gflops: 80 }, "80 % of the peak, floor 88 %", "80 % < 88 %"],
  ["another engine", { ms: { ...row().ms, litert: 3 } }, "3.00 times litert, floor 3.4", "3.00x < 3.4"],
  ["a number that is none", { gflops: Number.NaN }, "NaN % of the peak", "NaN % < 88 %"],
] as const)(
  "a row below a floor is listed, and marked in the table: %s",
  (_, changes, sentence, mark) => {
    const rows = [row(changes)];
    expect(missedFloors(rows)).toEqual([expect.stringContaining(sentence)]);
    expect(layerTable(rows).cells[0]).toContain(mark);
  },
);

test("two threads that are slower than one are listed, faster ones are not", () => {
  expect(missedFloors([row(), twoThreads(0.6)])).toEqual([]);
  expect(missedFloors([row(), twoThreads(1.2)])).toEqual([
    `${layer}, block:16x8@70, 2 threads: 0.83 times one thread, floor 0.97`,
  ]);
});

test("a result that is wrong, or no number, fails the bench", () => {
  expect(() => failIfWrong([row()])).not.toThrow();
  expect(() => failIfWrong([row(), row({ maxError: 0.01 })])).toThrow(`${layer} block:16x8@70 by 0.01`);
  expect(() => failIfWrong([row({ maxError: Number.NaN })])).toThrow("wrong results");
});

test("a row that is measured again takes the place of the one before", () => {
  const dense = row({ pattern: "dense" });
  const again = row({ gflops: 90 });
  expect(merged([twoThreads(0.6), row(), dense], [again])).toEqual([dense, again, twoThreads(0.6)]);
});

test("the README's tables hold medians beside their floors, and every layer's share, low ones bold", () => {
  const rows = [row(), row({ case: "3x3 64->64 @56", gflops: 80 }), twoThreads(0.5)];
  const [shares, ...ratios] = patternTable(rows).cells[0].slice(1);
  expect(shares).toBe("84 % (88 %)");
  expect(ratios).toEqual(["3.00× (3)", "5.20× (5.2)", "3.40× (3.4)", "6.00×", "2.00×"]);
  expect(shareTable(rows).cells).toEqual([
    [layer, "1.00 ms, 88 %"],
    ["3x3 64->64 @56", "1.00 ms, **80 %**"],
  ]);
});

test.each([layersCommand, networksCommand])("the help names the options", (command) => {
  const help = command().helpInformation();
  for (const option of ["--cases <list>", "--threads <list>", "--json <file>", "--readme"])
    expect(help).toContain(option);
});
