/** A report as one HTML page that needs nothing else: on a phone or a wide screen, light or dark. */
import type { Plot } from "./drawing.ts";
import { style } from "./style.ts";

export interface ReportPage {
  readonly title: string;
  readonly heading: string;
  readonly lead: string;
  readonly tiles: readonly (readonly [value: string, what: string])[];
  readonly sections: readonly string[]; // HTML, of plotSection and tableSection
  readonly footer: readonly string[]; // paragraphs
}

/** All but `sections` is text: what HTML takes for its own is escaped. */
export function reportPage({ title, heading, lead, tiles, sections, footer }: ReportPage): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${escaped(heading)}</h1>
<p>${escaped(lead)}</p>
</header>
<section class="tiles">
${tiles.map(tile).join("\n")}
</section>
${sections.join("\n")}
<footer>
${footer.map((text) => `<p>${escaped(text)}</p>`).join("\n")}
</footer>
</main>
</body>
</html>
`;
}

export function plotSection(plots: readonly Plot[]): string {
  return `<section class="plots">
${plots.map(card).join("\n")}
</section>`;
}

/** The first cell of a row is its name; `titles` are what a pointer over it shows. */
export function tableSection(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  titles?: readonly string[],
): string {
  const names = head.map((cell) => `<th scope="col">${escaped(cell)}</th>`).join("");
  const body = rows.map(([name, ...cells], row) => {
    const title = titles ? ` title="${escaped(titles[row])}"` : "";
    const rest = cells.map((cell) => `<td>${escaped(cell)}</td>`).join("");
    return `<tr><th scope="row"${title}>${escaped(name)}</th>${rest}</tr>`;
  });
  return `<section class="table"><table><thead><tr>${names}</tr></thead>
<tbody>${body.join("\n")}</tbody></table></section>`;
}

function tile([value, what]: readonly [string, string]): string {
  return `<div class="tile"><strong>${escaped(value)}</strong><span>${escaped(what)}</span></div>`;
}

function card({ title, caption, svg }: Plot): string {
  return `<figure><h2>${escaped(title)}</h2>${svg}<figcaption>${escaped(caption)}</figcaption></figure>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
