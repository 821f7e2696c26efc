/** The plots of the report of a pruning. */
import type { PruneReport } from "../report.ts";
import {
  drawPlots,
  lossesPlot,
  type Plot,
  type PlotSpec,
  plotHeight,
  series,
  softnessPlot,
} from "./drawing.ts";
import { shortNames } from "./short-names.ts";

export async function plotsOf(report: PruneReport): Promise<Plot[]> {
  const { training = [], search, accuracy } = report;
  const specs: PlotSpec[] = [];
  if (training.length > 1) {
    specs.push({
      title: "Loss",
      caption:
        "Of the training images, running mean, by step. The dashed line is where the masks become hard.",
      spec: course(report, "loss", { scale: { zero: false }, axis: { tickCount: 5 } }),
    });
    // Not there with a loss of the user's: NaN, or null where it has been JSON.
    if (Number.isFinite(training[0].accuracy))
      specs.push({
        title: "Accuracy",
        caption: accuracy
          ? `Of the training images, running mean, by step; the grey line is the dense network, the ring the pruned one, both on ${accuracy.after.images} other images.`
          : "Of the training images, running mean, by step.",
        spec: course(report, "accuracy", {
          scale: { zero: false },
          axis: { format: ".0%", tickCount: 5 },
        }),
      });
  }
  if (search) {
    specs.push(
      {
        title: "Softness of the masks",
        caption: "Blocks whose mask is neither in nor out (0.01 to 0.99), by step of the search.",
        spec: softnessPlot(search.steps),
      },
      {
        title: "Loss with soft and with hard masks",
        caption: "By epoch of the search. Where both meet, cutting the rest off costs nothing.",
        spec: lossesPlot(search.epochs),
      },
    );
    if (search.epochs.length > 1 && search.epochs[0].sparsity) {
      specs.push({
        title: "Sparsity by layer over time",
        caption:
          "Removed weights of each layer after each epoch of the search, as it would be cut off then.",
        spec: sparsityOverTime(report),
      });
    }
  }
  specs.push({
    title: "Sparsity by layer",
    caption: "Removed weights of each layer at the end.",
    spec: sparsity(report),
  });
  return drawPlots(specs);
}

const colours = { search: "var(--green)", "fine-tune": "var(--blue)" };

/** One field of the training over the steps, with the border of the stages. */
function course(
  { training = [], accuracy }: PruneReport,
  field: "loss" | "accuracy",
  y: object,
): object {
  const border = training.find(({ stage }, i) => i > 0 && stage !== training[i - 1].stage);
  const ends = field === "accuracy" && accuracy ? accuracy : undefined;
  const yOf = (name: string) => ({ field: name, type: "quantitative", title: null, ...y });
  const layer: object[] = [
    {
      data: { values: training },
      mark: { type: "line", strokeWidth: 2 },
      encoding: {
        x: { field: "step", type: "quantitative", title: "step", axis: { tickCount: 5, grid: false } },
        y: yOf(field),
        color: series("stage", colours),
      },
    },
  ];
  if (border) {
    layer.push({
      data: { values: [border] },
      mark: { type: "rule", strokeDash: [4, 4], color: "var(--grey)" },
      encoding: { x: { field: "step", type: "quantitative" } },
    });
  }
  if (ends) {
    layer.push(
      {
        data: { values: [{ value: ends.before.accuracy }] },
        mark: { type: "rule", color: "var(--grey)", strokeWidth: 1.5 },
        encoding: { y: yOf("value") },
      },
      {
        data: { values: [{ value: ends.after.accuracy, step: training.at(-1)!.step }] },
        mark: { type: "point", color: "var(--orange)", size: 70, strokeWidth: 2.5 },
        encoding: { x: { field: "step", type: "quantitative" }, y: yOf("value") },
      },
    );
  }
  return { height: plotHeight, layer };
}

/** A cell for each layer and epoch, the fuller the more is gone. */
function sparsityOverTime({ layers, search }: PruneReport): object {
  const names = shortNames(layers.map(({ node }) => node));
  const values = search!.epochs.flatMap(({ epoch, sparsity = {} }) =>
    layers.map(({ weight }, l) => ({ epoch, layer: names[l], removed: sparsity[weight] ?? 0 })),
  );
  return {
    height: { step: 17 },
    data: { values },
    encoding: {
      x: { field: "epoch", type: "ordinal", title: "epoch", axis: { labelAngle: 0 } },
      y: { field: "layer", type: "nominal", sort: null, title: null, axis: { labelLimit: 130 } },
    },
    layer: [
      {
        mark: { type: "rect", color: "var(--green)" },
        encoding: {
          opacity: {
            field: "removed",
            type: "quantitative",
            scale: { domain: [0, 1], range: [0.03, 0.75] },
            legend: null,
          },
        },
      },
      {
        mark: { type: "text", fontSize: 9.5 },
        encoding: { text: { field: "removed", type: "quantitative", format: ".0%" } },
      },
    ],
  };
}

function sparsity({ layers }: PruneReport): object {
  const names = shortNames(layers.map(({ node }) => node));
  const values = layers.map(({ elements, keptElements }, l) => ({
    layer: names[l],
    removed: 1 - keptElements / elements,
  }));
  const x = { field: "removed", type: "quantitative", title: null, scale: { domain: [0, 1.12] } };
  return {
    height: { step: 17 },
    data: { values },
    encoding: {
      y: { field: "layer", type: "nominal", sort: null, title: null, axis: { labelLimit: 130 } },
      x: { ...x, axis: { format: ".0%", values: [0, 0.25, 0.5, 0.75, 1] } },
    },
    layer: [
      { mark: { type: "bar", cornerRadiusEnd: 2, color: "var(--green)" } },
      {
        mark: { type: "text", align: "left", dx: 3, fontSize: 10 },
        encoding: { text: { field: "removed", type: "quantitative", format: ".0%" } },
      },
    ],
  };
}
