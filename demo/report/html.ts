/** The report as one HTML page. */
import { plotSection, reportPage, tableSection } from "../../pruner/index.ts";
import { type DemoResult, facts, percent, rowName, table } from "../result.ts";
import { plots } from "./plots.ts";

export async function htmlReport(result: DemoResult): Promise<string> {
  const [dense] = result.rows;
  const smart = result.rows.find((row) => rowName(row) === "SMART on Filigree")!;
  const { sparsity, pattern } = result.smart;
  const place =
    result.place === "chromium" ? "in a real browser" : "in Node worker threads (no browser was found)";
  return reportPage({
    title: "Filigree: digits, pruned and measured",
    heading: "Digits, pruned and measured",
    lead:
      `A residual CNN for handwritten digits was trained, pruned by SMART until ${percent(sparsity, 0)} of its ` +
      `${pattern.replace("block:", "")} blocks were gone, packed, and run ${place}, next to the dense network and ` +
      "to magnitude pruning under the same budget.",
    tiles: [
      [`${smart.ratio.toFixed(1)}×`, `as fast as dense on ${dense.runtime}`],
      [percent(smart.fileBytes / dense.fileBytes, 0), "of the dense file's bytes"],
      [
        percent(smart.correct / smart.images, 2),
        `accuracy; dense ${percent(dense.correct / dense.images, 2)}`,
      ],
      [percent(smart.keptWeights / smart.weights, 0), "of the weights kept"],
    ],
    sections: [tableSection(table.head, result.rows.map(table.row)), plotSection(await plots(result))],
    footer: facts(result),
  });
}
