/** The rows of a race as a plot and a table. */
import { barPlot, escaped } from "../plot.ts";
import type { BenchRow } from "./result.ts";

const colourOf = ({ engine, weights }: BenchRow): string =>
  engine !== "Filigree" ? "--grey" : weights === "pruned" ? "--green" : "--blue";

const ms = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(1));

/** A card for one network. */
export function card(title: string, rows: readonly BenchRow[]): HTMLElement {
  const figure = document.createElement("figure");
  figure.className = "card result";
  const bars = rows.map((row) => ({
    name: `${row.engine} ${row.weights}`,
    value: row.minMs,
    tick: Math.max(row.p50Ms, row.minMs),
    label: `${ms(row.minMs)} ms, ${row.ratio.toFixed(2)}×`,
    colour: colourOf(row),
  }));
  const wrong = rows.filter(({ isRight }) => !isRight);
  figure.innerHTML = `<h3>${escaped(title)}</h3>
${barPlot(`${title}: least milliseconds of each engine`, bars)}
<figcaption class="hint">Bar: least of ${rows[0].samplesMs.length} samples taken by turns; mark: median; ×: times as
fast as Filigree dense. ${rows.every(({ isRight }) => isRight) ? "All results are right." : `<strong class="error">Wrong: ${escaped(wrong.map(({ engine, weights }) => `${engine} ${weights}`).join(", "))}</strong>`}</figcaption>
${table(title, rows)}
${kernels(rows)}`;
  return figure;
}

const columns: readonly (readonly [head: string, cell: (row: BenchRow) => string])[] = [
  ["min ms", (row) => ms(row.minMs)],
  ["p50", (row) => ms(row.p50Ms)],
  ["p90", (row) => ms(row.p90Ms)],
  ["spread", (row) => `${(100 * row.spread).toFixed(1)} %`],
  ["prepare ms", (row) => row.prepareMs.toFixed(0)],
  ["first run", (row) => row.firstRunMs.toFixed(0)],
  ["memory MB", (row) => (row.memoryBytes / 1e6).toFixed(1)],
  ["threads", (row) => String(row.threads)],
  [
    "error",
    (row) => (row.isRight ? row.error.toExponential(0) : `${row.error.toExponential(0)}, wrong`),
  ],
];

function table(title: string, rows: readonly BenchRow[]): string {
  const head = columns.map(([name]) => `<th scope="col">${name}</th>`).join("");
  const body = rows.map((row) => {
    const cells = columns.map(([, cell]) => `<td>${escaped(cell(row))}</td>`).join("");
    const name = `${row.engine} ${row.weights === "pruned" ? row.pattern : "dense"}`;
    return `<tr${row.isRight ? "" : ' class="wrong"'}><th scope="row">${escaped(name)}</th>${cells}</tr>`;
  });
  // A region that scrolls has to be reachable by the keyboard, and named.
  return `<div class="scroll" role="region" tabindex="0" aria-label="${escaped(title)}: all figures">
<table><thead><tr><th scope="col">engine</th>${head}</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
}

function kernels(rows: readonly BenchRow[]): string {
  const lists = rows.flatMap(({ engine, weights, kernels: lines }) =>
    lines ? [`${engine} ${weights}\n${lines.slice(0, 12).join("\n")}`] : [],
  );
  if (!lists.length) return "";
  return `<details><summary>Kernels: the slowest steps, and why each was chosen</summary>
<pre tabindex="0" role="region" aria-label="Kernels">${escaped(lists.join("\n\n"))}</pre></details>`;
}
