/** The rows of the check as a table: one line a model and variant, a column a backend and number of threads. */
import type { ParityRow } from "./row.ts";

export interface TableData {
  readonly head: string[];
  readonly cells: string[][];
}

export function parityTable(rows: readonly ParityRow[]): TableData {
  const runners = [...new Set(rows.map(runnerOf))];
  const lines = [...new Set(rows.map(lineOf))];
  const cells = lines.map((line) => {
    const own = rows.filter((row) => lineOf(row) === line);
    const errors = runners.map((runner) => {
      const row = own.find((candidate) => runnerOf(candidate) === runner);
      return row ? errorCell(row) : "";
    });
    return [own[0].model, own[0].variant, ...errors, taskCell(own)];
  });
  return { head: ["model", "variant", ...runners, "task (expected)"], cells };
}

/** For the README: one line a model, with the worst of all its rows and how many there are of each backend. */
export function shortTable(rows: readonly ParityRow[]): TableData {
  const backends = Object.keys(columns).filter((name) => rows.some(({ backend }) => backend === name));
  const cells = [...new Set(rows.map(({ model }) => model))].map((model) => {
    const own = rows.filter((row) => row.model === model);
    const errors = own.map(({ maxRelError }) => maxRelError ?? Infinity);
    const variants = [...new Set(own.map(({ variant }) => variant))];
    const right = own.filter(({ ok }) => ok).length;
    const worst = Math.max(...errors).toExponential(1);
    const runs = backends.map((backend) => {
      return String(own.filter((row) => row.backend === backend).length || "");
    });
    return [model, variants.join(", "), ...runs, worst, `${right} of ${own.length}`, taskCell(own)];
  });
  const names = backends.map((name) => columns[name]);
  const head = ["model", "weights", ...names, "greatest error", "right", "task (expected)"];
  return { head, cells };
}

const columns: Readonly<Record<string, string>> = {
  wasm: "wasm",
  reference: "plain loops",
  webgpu: "WebGPU",
  chromium: "Chromium",
};

const runnerOf = ({ backend, threads }: ParityRow) =>
  backend === "reference" ? backend : `${backend} x${threads}`;

const lineOf = ({ model, variant }: ParityRow) => `${model} ${variant}`;

function errorCell({ maxRelError, ok }: ParityRow): string {
  const error = maxRelError === null ? "failed" : maxRelError.toExponential(1);
  return ok ? error : `${error} ✗`;
}

/** "top-1 % of 10000 images: 91.73 (91.73)", of the runner that measured the most. */
function taskCell(rows: readonly ParityRow[]): string {
  const measured = rows.filter(({ task }) => task !== null);
  const samplesOf = ({ figure = "" }: ParityRow) => Number(/ of (\d+)/.exec(figure)?.[1] ?? 0);
  const best = measured.sort((a, b) => samplesOf(b) - samplesOf(a))[0];
  if (!best) return "";
  const { figure, task, expected, others = [] } = best;
  return [{ figure: figure!, task: task!, expected: expected! }, ...others]
    .map((one) => `${one.figure.replace(/ of .*/, "")} ${one.task} (${one.expected})`)
    .join(", ")
    .concat(` of ${figure!.replace(/.*? of /, "")}`);
}
