/** Sparsity patterns: which weights vanish together. (Which ones go is a method; how the rest is stored, a format.) */
import { ModelError } from "./errors.ts";
import type { Shape } from "./tensor.ts";

/**
 * A weight is seen as a matrix [rows, cols]: rows are outputs; columns run over input channels
 * within a kernel tap. A `block` is rows × cols of one tap (16x8 on Conv = 16x8x1x1).
 * `n:m` keeps n of every m consecutive inputs of one output, or of `rows` outputs that keep the same ones.
 * `channel` removes whole outputs.
 */
export type SparsityPattern =
  | { readonly kind: "block"; readonly rows: number; readonly cols: number }
  | { readonly kind: "n:m"; readonly n: number; readonly m: number; readonly rows?: number }
  | { readonly kind: "channel" }
  | { readonly kind: "unstructured" };

/** Which elements of a weight stay: 1 or 0 for each element of `shape`, row-major, obeying `pattern`. */
export interface Mask {
  readonly pattern: SparsityPattern;
  readonly shape: Shape;
  readonly keep: Uint8Array; // [sizeOf(shape)]
}

/** Reads "block:16x8", "16x8", "2:4", "2:4x8" (shared by 8 outputs), "channel" or "unstructured". */
export function parsePattern(text: string): SparsityPattern {
  const block = /^(?:block:)?(\d+)x(\d+)$/.exec(text);
  if (block && +block[1] > 0 && +block[2] > 0)
    return { kind: "block", rows: +block[1], cols: +block[2] };
  const nm = /^(\d+):(\d+)(?:x(\d+))?$/.exec(text);
  if (nm && +nm[1] > 0 && +nm[1] < +nm[2] && +nm[2] <= 256 && nm[3] !== "0") {
    const [n, m, rows] = [+nm[1], +nm[2], +(nm[3] ?? 1)];
    return rows > 1 ? { kind: "n:m", n, m, rows } : { kind: "n:m", n, m };
  }
  if (text === "channel" || text === "unstructured") return { kind: text };
  throw new ModelError(
    `pattern "${text}" is not known; expected block:ROWSxCOLS (block:16x8), N:M (2:4, or 2:4x8 shared by 8 outputs), channel or unstructured`,
  );
}

/** The inverse of `parsePattern`. */
export function formatPattern(pattern: SparsityPattern): string {
  if (pattern.kind === "block") return `block:${pattern.rows}x${pattern.cols}`;
  if (pattern.kind === "n:m") {
    const { n, m, rows = 1 } = pattern;
    return rows > 1 ? `${n}:${m}x${rows}` : `${n}:${m}`;
  }
  return pattern.kind;
}
