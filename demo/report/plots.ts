/** The plots of the report. */
import {
  drawPlots,
  type LayerReport,
  lossesPlot,
  type Plot,
  type PlotSpec,
  series,
  softnessPlot,
} from "../../pruner/index.ts";
import { type DemoResult, kilobytes, percent, type ResultRow, rowName } from "../result.ts";

const colours: Record<string, string> = {
  "dense on onnxruntime-web": "var(--grey)",
  "SMART on onnxruntime-web": "var(--grey)",
  "magnitude on onnxruntime-web": "var(--grey)",
  "dense on Filigree": "var(--blue)",
  "SMART on Filigree": "var(--green)",
  "magnitude on Filigree": "var(--orange)",
};

export async function plots(result: DemoResult): Promise<Plot[]> {
  const { rows, smart, magnitude, place } = result;
  const all: PlotSpec[] = [
    {
      title: "Latency",
      caption: `Milliseconds of one image; shorter is better. Bar: minimum; tick: median of ${rows[0].timing.samplesMs.length} samples taken by turns in ${place === "chromium" ? "one page" : "one Node worker thread"}.`,
      spec: latency(rows),
    },
    {
      title: "Size",
      caption: "Bytes of the model file.",
      spec: bars(rows, "fileBytes", (row) => kilobytes(row.fileBytes)),
    },
    {
      title: "Accuracy",
      caption: `On ${rows[0].images} digits that no network saw in training; the line is the 95 % interval of that many digits.`,
      spec: accuracy(rows.filter(({ runtime }) => runtime === "Filigree")),
    },
    {
      title: "Sparsity by layer",
      caption:
        "Removed blocks of each layer. Both methods remove as many in all; where is their choice.",
      spec: sparsity([...layers("SMART", smart.layers), ...layers("magnitude", magnitude.layers)]),
    },
  ];
  if (smart.search) {
    all.push(
      {
        title: "Mask softness over the search",
        caption: "Blocks whose mask is neither in nor out (0.01 to 0.99) while the temperature falls.",
        spec: softnessPlot(smart.search.steps),
      },
      {
        title: "Loss with soft and hard masks",
        caption: "When both meet, cutting the rest off costs nothing.",
        spec: lossesPlot(smart.search.epochs),
      },
    );
  }
  return drawPlots(all);
}

/** Names to the left of horizontal bars, one row each. */
const names = { field: "name", type: "nominal", sort: null, title: null };
/** "SMART on Filigree" in two lines: a phone is narrow. */
const rowNames = {
  ...names,
  axis: { labelExpr: "split(datum.label, ' on ')", labelLimit: 0, labelOffset: -7 },
  scale: { paddingInner: 0.25 },
};
const colour = {
  field: "name",
  type: "nominal",
  scale: { domain: Object.keys(colours), range: Object.values(colours) },
  legend: null,
};
const text = { type: "text", align: "left", dx: 4, fontWeight: 600 };

function latency(rows: readonly ResultRow[]): object {
  const values = rows.map((row) => ({
    name: rowName(row),
    min: row.timing.minMs,
    median: row.timing.medianMs,
    end: Math.max(row.timing.minMs, row.timing.medianMs),
    label: `${row.timing.minMs.toFixed(2)} ms${row.runtime === "Filigree" ? `, ${row.ratio.toFixed(1)}×` : ""}`,
  }));
  const most = Math.max(...values.map(({ end }) => end));
  const x = { type: "quantitative", title: null, scale: { domain: [0, 1.75 * most] }, axis: null };
  return {
    height: { step: 38 },
    data: { values },
    encoding: { y: rowNames },
    layer: [
      {
        mark: { type: "bar", cornerRadiusEnd: 3 },
        encoding: { x: { ...x, field: "min" }, color: colour },
      },
      {
        mark: { type: "tick", thickness: 2, color: "var(--text)" },
        encoding: { x: { ...x, field: "median" } },
      },
      { mark: { ...text, dx: 6 }, encoding: { x: { ...x, field: "end" }, text: { field: "label" } } },
    ],
  };
}

function bars(
  rows: readonly ResultRow[],
  field: "fileBytes",
  label: (row: ResultRow) => string,
): object {
  const values = rows.map((row) => ({ name: rowName(row), value: row[field], label: label(row) }));
  const most = Math.max(...values.map(({ value }) => value));
  const x = { field: "value", type: "quantitative", scale: { domain: [0, 1.65 * most] }, axis: null };
  return {
    height: { step: 38 },
    data: { values },
    encoding: { y: rowNames, x },
    layer: [
      { mark: { type: "bar", cornerRadiusEnd: 3 }, encoding: { color: colour } },
      { mark: text, encoding: { text: { field: "label" } } },
    ],
  };
}

function accuracy(rows: readonly ResultRow[]): object {
  const values = rows.map((row) => {
    const p = row.correct / row.images;
    // Wilson 1927: right where p is near 1, as here.
    const z2 = 1.96 ** 2 / row.images;
    const middle = (p + z2 / 2) / (1 + z2);
    const half = (1.96 / (1 + z2)) * Math.sqrt((p * (1 - p)) / row.images + z2 / (4 * row.images));
    return { name: rowName(row), p, low: middle - half, high: middle + half, label: percent(p, 2) };
  });
  const low = Math.min(...values.map((v) => v.low));
  const x = {
    type: "quantitative",
    title: null,
    scale: { domain: [low - 0.1 * (1 - low), 1], nice: false },
    axis: { format: ".1%", tickCount: 4 },
  };
  return {
    height: { step: 38 },
    data: { values },
    encoding: { y: rowNames },
    layer: [
      {
        mark: { type: "rule", strokeWidth: 2 },
        encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, color: colour },
      },
      {
        mark: { type: "point", filled: true, size: 70, opacity: 1 },
        encoding: { x: { ...x, field: "p" }, color: colour },
      },
      {
        mark: { type: "text", dy: -10, fontWeight: 600 },
        encoding: { x: { ...x, field: "p" }, text: { field: "label" } },
      },
    ],
  };
}

function layers(method: string, reports: readonly LayerReport[]) {
  return reports.map(({ node, blocks, keptBlocks }) => {
    return { method, layer: node, removed: 1 - keptBlocks / blocks };
  });
}

function sparsity(values: readonly object[]): object {
  return {
    height: { step: 11 },
    data: { values },
    mark: { type: "bar", cornerRadiusEnd: 2 },
    encoding: {
      y: { ...names, field: "layer", scale: { paddingInner: 0.25 } },
      yOffset: { field: "method", sort: ["SMART", "magnitude"] },
      x: {
        field: "removed",
        type: "quantitative",
        title: null,
        scale: { domain: [0, 1] },
        axis: { format: ".0%" },
      },
      color: series("method", { SMART: "var(--green)", magnitude: "var(--orange)" }),
    },
  };
}
