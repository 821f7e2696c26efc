/** The report of a pruning as one HTML page that needs nothing else: on a phone or a wide screen, light or dark. */
import { ModelError } from "../../runtime/model/errors.ts";
import type { LayerReport, PruneReport } from "../report.ts";
import { loadVega, type Plot, plotsOf } from "./plots.ts";
import { shortNames } from "./short-names.ts";
import { style } from "./style.ts";

export interface FileSizes {
  readonly modelBytes: number; // of the file that was pruned
  readonly fileBytes: number; // of the packed one
}

export const htmlOfPruning = {
  /** Throws a ModelError where the packages that draw the plots are missing. */
  async check(): Promise<void> {
    await loadVega().catch(() => {
      throw new ModelError(
        "the report's plots are drawn by vega and vega-lite, which are not installed: npm install vega vega-lite",
      );
    });
  },

  async page(report: PruneReport, sizes: FileSizes): Promise<string> {
    const { model, method, pattern, sparsity, scope, budget, seed, seconds, skipped } = report;
    const plots = await plotsOf(report);
    const time = Object.entries(seconds).map(([stage, s]) => `${stage} ${duration(s)}`);
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(model)}, pruned by ${escaped(method)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${escaped(model)}, pruned by ${escaped(method)}</h1>
<p>${escaped(pattern)}, ${percent(sparsity, 0)} of the ${escaped(budget === "latency" ? "microseconds" : budget)} asked to go,
${scope === "layer" ? "the same in each layer" : "of all layers together"}; seed ${seed}.</p>
</header>
<section class="tiles">
${tilesOf(report, sizes).join("\n")}
</section>
<section class="plots">
${plots.map(card).join("\n")}
</section>
<section class="table">${layerTable(report.layers)}</section>
<footer>
<p>${report.blocks.kept} of ${report.blocks.total} blocks kept${
      budget === "blocks" ? ` (asked: ${report.blocks.asked})` : ""
    }.</p>
${time.length > 0 ? `<p>Took ${time.join(", ")}.</p>` : ""}
${skipped.map(({ node, reason }) => `<p>Not pruned: ${escaped(node)} (${escaped(reason)}).</p>`).join("\n")}
</footer>
</main>
</body>
</html>
`;
  },
};

function tilesOf({ accuracy, elements, search }: PruneReport, sizes: FileSizes): string[] {
  const tiles: [value: string, what: string][] = [];
  if (accuracy) {
    const { before, after } = accuracy;
    tiles.push([
      percent(after.accuracy, 2),
      `accuracy on ${after.images} images; ${percent(before.accuracy, 2)} before`,
    ]);
  }
  tiles.push([percent(elements.kept / elements.total, 0), "of the pruned layers' weights kept"]);
  tiles.push([
    percent(sizes.fileBytes / sizes.modelBytes, 0),
    `of the file's bytes: ${kilobytes(sizes.fileBytes)} of ${kilobytes(sizes.modelBytes)}`,
  ]);
  const end = search?.epochs.at(-1);
  if (end) tiles.push([percent(end.softFraction, 1), "of the masks soft at the end of the search"]);
  return tiles.map(
    ([value, what]) =>
      `<div class="tile"><strong>${escaped(value)}</strong><span>${escaped(what)}</span></div>`,
  );
}

function card({ title, caption, svg }: Plot): string {
  return `<figure><h2>${escaped(title)}</h2>${svg}<figcaption>${escaped(caption)}</figcaption></figure>`;
}

function layerTable(layers: readonly LayerReport[]): string {
  const head = ["layer", "weight", "kept blocks", "sparsity", "dense kB", "stored kB"];
  const names = shortNames(layers.map(({ node }) => node));
  const rows = layers.map((layer, l) => [
    names[l],
    layer.shape.join("×"),
    `${layer.keptBlocks} / ${layer.blocks}`,
    percent(1 - layer.keptElements / layer.elements, 1),
    (layer.denseBytes / 1000).toFixed(1),
    (layer.storedBytes / 1000).toFixed(1),
  ]);
  const body = rows.map(([name, ...cells], l) => {
    const rest = cells.map((cell) => `<td>${escaped(cell)}</td>`).join("");
    return `<tr><th scope="row" title="${escaped(layers[l].node)}">${escaped(name)}</th>${rest}</tr>`;
  });
  return `<table><thead><tr>${head.map((cell) => `<th scope="col">${cell}</th>`).join("")}</tr></thead>
<tbody>${body.join("\n")}</tbody></table>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

const percent = (value: number, digits: number): string => `${(100 * value).toFixed(digits)} %`;
const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

/** "42 s" or "12 min" */
function duration(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
