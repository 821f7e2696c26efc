/** Plots as SVG text. Colours are variables of the page, so that light and dark both fit; widths are a phone's. */

export interface Bar {
  readonly name: string;
  readonly value: number; // the bar's length
  readonly tick: number; // a mark, not less than the value
  readonly label: string;
  readonly colour: string; // a variable of the page: "--green"
}

const width = 340;
const rowHeight = 44;

/** Horizontal bars from zero, each under its name. */
export function barPlot(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ tick }) => tick), 1e-9);
  const scale = (width - 110) / most; // room for the label
  const rows = bars.map(({ name, value, tick, label, colour }, i) => {
    const y = i * rowHeight;
    const [end, mark] = [(value * scale).toFixed(1), (tick * scale).toFixed(1)];
    return (
      `<text class="name" x="0" y="${y + 14}">${escaped(name)}</text>` +
      `<rect x="0" y="${y + 20}" width="${end}" height="14" rx="3" fill="var(${colour})"/>` +
      `<path d="M${mark} ${y + 18}v18" stroke="var(--text)" stroke-width="2"/>` +
      `<text x="${(Number(mark) + 8).toFixed(1)}" y="${y + 32}">${escaped(label)}</text>`
    );
  });
  return svg(title, width, bars.length * rowHeight, rows.join(""));
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Lines over x from 0 to `mostX`; y from 0. */
export function linePlot(
  title: string,
  lines: readonly { readonly colour: string; readonly points: readonly Point[] }[],
  mostX: number,
  units: { readonly x: string; readonly y: string },
): string {
  const [left, bottom, height] = [46, 26, 210];
  const all = lines.flatMap(({ points }) => points);
  const mostY = niceAbove(Math.max(...all.map(({ y }) => y), 0) || 1);
  const x = (value: number) => left + (value / mostX) * (width - left - 10);
  const y = (value: number) => height - bottom - (value / mostY) * (height - bottom - 22);
  const parts: string[] = [];
  for (let i = 0; i <= 4; i++) {
    const [value, at] = [(mostY * i) / 4, y((mostY * i) / 4).toFixed(1)];
    parts.push(`<path d="M${left} ${at}H${width - 10}" stroke="var(--line)"/>`);
    parts.push(`<text x="${left - 6}" y="${Number(at) + 4}" text-anchor="end">${short(value)}</text>`);
  }
  for (let i = 0; i <= 5; i++) {
    const value = (mostX * i) / 5;
    const anchor = i < 5 ? "middle" : "end";
    parts.push(
      `<text x="${x(value).toFixed(1)}" y="${height - 6}" text-anchor="${anchor}">${short(value)}</text>`,
    );
  }
  parts.push(
    `<text x="${left}" y="10" class="name">${escaped(units.y)} over ${escaped(units.x)}</text>`,
  );
  for (const { colour, points } of lines) {
    const path = points.map((point) => `${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`).join("L");
    parts.push(`<path d="M${path}" fill="none" stroke="var(${colour})" stroke-width="2"/>`);
  }
  return svg(title, width, height, parts.join(""));
}

/** 1, 2 or 5 times a power of ten. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((step) => step * power).find((step) => step >= value * 1.05) ?? 20 * power;
}

const short = (value: number): string => String(Number(value.toPrecision(3)));

function svg(title: string, width: number, height: number, content: string): string {
  return `<svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">${content}</svg>`;
}

export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
