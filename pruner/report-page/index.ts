/** The report of a pruning as one HTML page. */
import { ModelError } from "../../runtime/model/errors.ts";
import type { LayerReport, PruneReport } from "../report.ts";
import { loadVega } from "./drawing.ts";
import { plotSection, reportPage, tableSection } from "./page.ts";
import { plotsOf } from "./plots.ts";
import { shortNames } from "./short-names.ts";

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
    const title = `${model}, pruned by ${method}`;
    const what = budget === "latency" ? "microseconds" : budget;
    const reach = scope === "layer" ? "the same in each layer" : "of all layers together";
    const { kept, total, asked } = report.blocks;
    return reportPage({
      title,
      heading: title,
      lead: `${pattern}, ${percent(sparsity, 0)} of the ${what} asked to go, ${reach}; seed ${seed}.`,
      tiles: tilesOf(report, sizes),
      sections: [plotSection(plots), layerTable(report.layers)],
      footer: [
        `${kept} of ${total} blocks kept${budget === "blocks" ? ` (asked: ${asked})` : ""}.`,
        ...(time.length > 0 ? [`Took ${time.join(", ")}.`] : []),
        ...skipped.map(({ node, reason }) => `Not pruned: ${node} (${reason}).`),
      ],
    });
  },
};

function tilesOf(
  { accuracy, elements, search }: PruneReport,
  sizes: FileSizes,
): [value: string, what: string][] {
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
  return tiles;
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
  return tableSection(
    head,
    rows,
    layers.map(({ node }) => node),
  );
}

const percent = (value: number, digits: number): string => `${(100 * value).toFixed(digits)} %`;
const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

/** "42 s" or "12 min" */
function duration(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
