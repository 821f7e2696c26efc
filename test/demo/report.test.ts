/** The report of the demo: complete in itself, and honest about what did not hold. */
import { describe, expect, test } from "vitest";
import { htmlReport } from "../../demo/report/html.ts";
import { type DemoResult, facts, type ResultRow, table } from "../../demo/result.ts";
import type { PruneReport } from "../../pruner/index.ts";

function row(network: ResultRow["network"], runtime: ResultRow["runtime"], minMs: number): ResultRow {
  const samplesMs = [minMs, 1.1 * minMs, 1.2 * minMs];
  const timing = { name: "", samplesMs, batch: 1, minMs, medianMs: 1.1 * minMs, spread: 0.1 };
  const counts = { correct: 1970, images: 2000, reported: 1970, keptWeights: 300, weights: 1000 };
  return { network, runtime, ...counts, fileBytes: 4000, timing, ratio: 2 / minMs, maxError: 0 };
}

const report: PruneReport = {
  model: "digits",
  method: "smart",
  pattern: "block:16x8",
  sparsity: 0.7,
  budget: "blocks",
  scope: "global",
  seed: 1,
  blocks: { total: 10, asked: 3, kept: 3 },
  elements: { total: 1000, kept: 300 },
  bytes: { dense: 4000, stored: 1200 },
  layers: [
    {
      node: "a<b>&c",
      weight: "w",
      shape: [16, 8],
      blocks: 10,
      keptBlocks: 3,
      elements: 1000,
      keptElements: 300,
      denseBytes: 4000,
      storedBytes: 1200,
    },
  ],
  skipped: [],
  search: {
    epochs: [
      { epoch: 0, tau: 1, softFraction: 0.9, lossSoft: 0.5, lossHard: 0.9 },
      { epoch: 1, tau: 0.01, softFraction: 0.0123, lossSoft: 0.1, lossHard: 0.125 },
    ],
    steps: [
      { step: 1, tau: 1, softFraction: 0.9 },
      { step: 2, tau: 0.01, softFraction: 0.01 },
    ],
  },
  seconds: {},
};

const result: DemoResult = {
  rows: [row("dense", "onnxruntime-web", 2), row("SMART", "Filigree", 0.5)],
  smart: report,
  magnitude: report,
  place: "chromium",
  threads: 1,
  notes: ["a note <b>"],
  machine: "a machine",
  seconds: 60,
};

test("a row says accuracy, weights, bytes, times and ratio", () => {
  expect(table.row(result.rows[1])).toEqual([
    "SMART on Filigree",
    "98.50 %",
    "30.0 %",
    "4.0 kB",
    "0.550 ms",
    "0.500 ms",
    "4.00×",
  ]);
});

describe("the facts", () => {
  const said = facts(result).join("\n");
  test("tell the blocks and how hard the masks were", () => {
    expect(said).toContain("3 of 10 blocks kept by SMART, 3 by magnitude (asked: 3)");
    expect(said).toContain("1.23 % of the masks were soft, and loss(hard) - loss(soft) was 2.5e-2");
  });
  test("say whether the accuracies are equal", () => {
    expect(said).toContain("equals what the pruner reported");
    const rows = [result.rows[0], { ...result.rows[1], reported: 1971 }];
    expect(facts({ ...result, rows }).join("\n")).toContain("differs from what the pruner reported");
  });
});

describe("the report", () => {
  test("asks the network for nothing and runs no script", async () => {
    const html = await htmlReport(result);
    const addresses = html.match(/(?:https?:)?\/\/[\w.-]+/g) ?? [];
    expect(addresses.filter((address) => !address.includes("www.w3.org"))).toEqual([]);
    expect(html.match(/<script|<link|<img|@import|url\((?!#)/)).toBeNull();
  });
  test("shows every plot, and text as text", async () => {
    const html = await htmlReport(result);
    expect(html.match(/<svg /g)).toHaveLength(6);
    for (const text of ["a note &lt;b>", "a&lt;b&gt;&amp;c"]) expect(html.includes(text)).toBe(true);
    expect(html.includes("<b>")).toBe(false);
  });
});
