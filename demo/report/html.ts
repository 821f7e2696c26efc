/** The report: one HTML file that needs nothing else, on a phone or a wide screen, light or dark. */
import { type DemoResult, facts, percent, type ResultRow, rowName, table } from "../result.ts";
import { type Plot, plots } from "./plots.ts";

export async function htmlReport(result: DemoResult): Promise<string> {
  const [dense] = result.rows;
  const smart = result.rows.find((row) => rowName(row) === "SMART on Filigree")!;
  const cards = (await plots(result)).map(card).join("\n");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Filigree: digits, pruned and measured</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>Digits, pruned and measured</h1>
<p>A residual CNN for handwritten digits was trained, pruned by SMART until ${percent(result.smart.sparsity, 0)} of
its ${escaped(result.smart.pattern.replace("block:", ""))} blocks were gone, packed, and run
${result.place === "chromium" ? "in a real browser" : "in Node worker threads (no browser was found)"}, next to the
dense network and to magnitude pruning under the same budget.</p>
</header>
<section class="tiles">
${tile(`${smart.ratio.toFixed(1)}×`, `as fast as dense on ${dense.runtime}`)}
${tile(percent(smart.fileBytes / dense.fileBytes, 0), "of the dense file's bytes")}
${tile(percent(smart.correct / smart.images, 2), `accuracy; dense ${percent(dense.correct / dense.images, 2)}`)}
${tile(percent(smart.keptWeights / smart.weights, 0), "of the weights kept")}
</section>
<section class="table">${tableHtml(result.rows)}</section>
<section class="plots">
${cards}
</section>
<footer>${facts(result)
    .map((fact) => `<p>${escaped(fact)}</p>`)
    .join("\n")}</footer>
</main>
</body>
</html>
`;
}

function tile(value: string, what: string): string {
  return `<div class="tile"><strong>${escaped(value)}</strong><span>${escaped(what)}</span></div>`;
}

function card({ title, caption, svg }: Plot): string {
  return `<figure><h2>${escaped(title)}</h2>${svg}<figcaption>${escaped(caption)}</figcaption></figure>`;
}

function tableHtml(rows: readonly ResultRow[]): string {
  const head = table.head.map((cell) => `<th scope="col">${escaped(cell)}</th>`).join("");
  const body = rows.map(table.row).map(([name, ...cells]) => {
    const rest = cells.map((cell) => `<td>${escaped(cell)}</td>`).join("");
    return `<tr><th scope="row">${escaped(name)}</th>${rest}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead>
<tbody>${body.join("\n")}</tbody></table>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

const style = `
:root { --bg: #f6f7f9; --card: #fff; --text: #1c2330; --muted: #5c6675; --line: #dfe3e9;
  --grey: #8a94a3; --blue: #3b76d9; --green: #0f9d76; --orange: #df7b1f; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #11151b; --card: #1a2029; --text: #e8ecf2; --muted: #9aa5b4; --line: #303947;
    --grey: #8792a2; --blue: #6ea2f5; --green: #35c79b; --orange: #f0a050; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 16px 48px; }
h1 { font-size: clamp(24px, 5vw, 34px); line-height: 1.2; margin: 0 0 8px; letter-spacing: -.01em; }
h2 { font-size: 16px; margin: 0 0 8px; }
header p { color: var(--muted); margin: 0 0 20px; max-width: 68ch; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.tile, figure, .table { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 14px 16px; }
.tile strong { display: block; font-size: 28px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--muted); font-size: 13.5px; }
.table { margin: 12px 0; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 9px 12px; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--card); }
thead th { color: var(--muted); font-weight: 500; }
tbody tr { border-top: 1px solid var(--line); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 12px; }
figure { margin: 0; padding: 16px; }
figure svg { display: block; width: 100%; max-width: 470px; height: auto; margin: 0 auto; }
figcaption { color: var(--muted); font-size: 13.5px; margin-top: 8px; }
footer { color: var(--muted); font-size: 13.5px; margin-top: 20px; }
footer p { margin: 4px 0; }
@media (max-width: 520px) { th, td { padding: 8px 9px; } tbody th { white-space: normal; min-width: 124px; } .tile strong { font-size: 24px; } }
`;
