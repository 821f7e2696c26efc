/** The plots of docs/experiments.md as SVG files. */
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { CellResult } from "./result.ts";

export interface Plot {
  readonly file: string;
  readonly alt: string;
  readonly svg: string;
}

export async function plotsOf(done: readonly CellResult[]): Promise<Plot[]> {
  const grid = done.filter(({ group }) => group === "core" || group === "resnet20");
  const networks = [...new Set(grid.map(({ network }) => network))];
  const methods = [...new Set(grid.map(({ label }) => label))];
  const specs = networks.flatMap((network) => {
    const own = grid.filter((result) => result.network === network);
    const at70 = own.filter(({ sparsity }) => sparsity === 0.7);
    return [
      {
        file: `${network}-accuracy.svg`,
        alt: `${network}: accuracy by sparsity, a line a method`,
        results: own,
        spec: accuracy(own, methods),
      },
      {
        file: `${network}-layers.svg`,
        alt: `${network}: sparsity of each layer at 70 %, a line a method`,
        results: at70,
        spec: layers(at70, methods),
      },
    ].filter(({ results }) => results.length > 1); // one result is not compared with anything
  });
  return Promise.all(
    specs.map(async ({ file, alt, spec }) => {
      const { spec: compiled } = compile({ ...spec, background: "white" } as TopLevelSpec);
      const view = new vega.View(vega.parse(compiled), { renderer: "none" });
      return { file, alt, svg: await view.toSVG() };
    }),
  );
}

const size = { width: 480, height: 280 };

/** A method has the same colour in all plots. */
function byMethod(own: readonly CellResult[], methods: readonly string[]): object {
  const present = methods.filter((method) => own.some(({ label }) => label === method));
  return {
    field: "method",
    type: "nominal",
    title: null,
    scale: { domain: methods },
    legend: { values: present },
  };
}

function accuracy(own: readonly CellResult[], methods: readonly string[]): object {
  const values = own.map(({ label, sparsity, accuracy }) => ({
    method: label,
    sparsity: 100 * sparsity!,
    accuracy: 100 * accuracy,
  }));
  const x = { field: "sparsity", type: "quantitative", title: "sparsity %", scale: { zero: false } };
  const title = "accuracy %";
  return {
    ...size,
    data: { values },
    encoding: { x, color: byMethod(own, methods) },
    layer: [
      {
        mark: "line",
        encoding: {
          y: {
            field: "accuracy",
            aggregate: "mean",
            type: "quantitative",
            title,
            scale: { zero: false },
          },
        },
      },
      { mark: "point", encoding: { y: { field: "accuracy", type: "quantitative", title } } },
    ],
  };
}

function layers(own: readonly CellResult[], methods: readonly string[]): object {
  const values = own.flatMap(({ label, layers: all }) =>
    all.map(({ node, sparsity }, place) => ({
      method: label,
      layer: `${place + 1} ${shortName(node)}`,
      place,
      sparsity: 100 * sparsity,
    })),
  );
  return {
    ...size,
    data: { values },
    mark: { type: "line", point: true },
    encoding: {
      x: { field: "layer", type: "nominal", sort: { field: "place" }, title: null },
      y: { field: "sparsity", aggregate: "mean", type: "quantitative", title: "sparsity %" },
      color: byMethod(own, methods),
    },
  };
}

/** "/layer1/layer1.0/conv1/Conv" -> "layer1.0/conv1" */
function shortName(node: string): string {
  return node
    .replace(/\/(Conv|Gemm|MatMul)$/, "")
    .split("/")
    .slice(-2)
    .join("/");
}
