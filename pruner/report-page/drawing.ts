/** Draws plots as SVG text. Colours are CSS variables of the page, so that light and dark both fit. */
import type { TopLevelSpec } from "vega-lite";
import type { SearchEpoch, SearchStep } from "../report.ts";

export interface Plot {
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

/** A plot to be drawn: `spec` is Vega-Lite's, of everything but width and style. */
export interface PlotSpec extends Omit<Plot, "svg"> {
  readonly spec: object;
}

/** Of the page: a phone shows the plots at about this width. */
const width = 340;
export const plotHeight = 190;

interface Vega {
  readonly vega: typeof import("vega");
  readonly compile: typeof import("vega-lite").compile;
}

/** Optional packages: whoever wants no report needs none. */
export async function loadVega(): Promise<Vega> {
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  return { vega, compile };
}

export function drawPlots(specs: readonly PlotSpec[]): Promise<Plot[]> {
  return Promise.all(
    specs.map(async ({ spec, ...plot }) => ({ ...plot, svg: await render(spec, plot.title) })),
  );
}

/** How soft the masks are, by step of the search. */
export function softnessPlot(steps: readonly Pick<SearchStep, "step" | "softFraction">[]): object {
  return {
    height: plotHeight,
    data: { values: steps },
    mark: { type: "area", line: { color: "var(--green)" }, color: "var(--green)", fillOpacity: 0.18 },
    encoding: {
      x: { field: "step", type: "quantitative", title: "step", axis: { tickCount: 5, grid: false } },
      y: {
        field: "softFraction",
        type: "quantitative",
        title: null,
        scale: { domainMin: 0 },
        axis: { format: "%", tickCount: 4 },
      },
    },
  };
}

/** 0.001, 0.002, 0.005, 0.01, … 10: ticks of a logarithmic axis. */
const oneTwoFive = [-3, -2, -1, 0, 1].flatMap((power) => [1, 2, 5].map((k) => k * 10 ** power));

/** The loss with soft masks and with hard ones, by epoch of the search. */
export function lossesPlot(
  epochs: readonly Pick<SearchEpoch, "epoch" | "lossSoft" | "lossHard">[],
): object {
  const values = epochs.flatMap(({ epoch, lossSoft, lossHard }) => [
    { epoch, loss: lossSoft, masks: "soft" },
    { epoch, loss: lossHard, masks: "hard" },
  ]);
  return {
    height: plotHeight,
    data: { values },
    mark: { type: "line", point: { filled: true, size: 40 } },
    encoding: {
      x: { field: "epoch", type: "quantitative", title: "epoch", axis: { tickMinStep: 1, grid: false } },
      y: {
        field: "loss",
        type: "quantitative",
        title: null,
        scale: { type: "log", nice: false },
        axis: { values: oneTwoFive, format: "~g" },
      },
      color: series("masks", { soft: "var(--blue)", hard: "var(--orange)" }),
    },
  };
}

/** A colour for each value of a field, with a legend. */
export function series(field: string, colourOf: Record<string, string>): object {
  return {
    field,
    type: "nominal",
    scale: { domain: Object.keys(colourOf), range: Object.values(colourOf) },
    legend: { title: null, orient: "top", symbolType: "square" },
  };
}

const config = {
  background: null,
  font: "system-ui, sans-serif",
  view: { stroke: null },
  axis: {
    labelColor: "var(--text)",
    titleColor: "var(--muted)",
    gridColor: "var(--line)",
    domainColor: "var(--line)",
    tickColor: "var(--line)",
    labelFontSize: 11.5,
    titleFontWeight: "normal",
  },
  axisY: { ticks: false, domain: false, labelPadding: 6 },
  legend: { labelColor: "var(--text)", labelFontSize: 11.5 },
  text: { color: "var(--text)" },
};

async function render(spec: object, title: string): Promise<string> {
  const { vega, compile } = await loadVega();
  const full = { width, autosize: { type: "fit-x", contains: "padding" }, padding: 4, config, ...spec };
  const { spec: compiled } = compile(full as unknown as TopLevelSpec, {
    logger: vega.logger(vega.Error),
  });
  const view = new vega.View(vega.parse(compiled), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return svg.replace("<svg ", `<svg role="img" aria-label="${title}" `);
}
