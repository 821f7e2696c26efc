/**
 * Products of two matrices that are computed while running, on the block kernel of kernels-wasm/conv.ts: rows of the
 * left one are taken where they lie, the right one [K, N] is laid out as the kernel wants it, [N / 8][K][8].
 */
import { clear, conv, type Epilogue, groupWords, tileWords } from "../../../kernels-wasm/index.ts";
import { copyCalls } from "./copy.ts";
import { type Axis, roundUp8 } from "./layout.ts";
import type { Builder, Call } from "./step.ts";
import { cut } from "./views.ts";

/** A matrix somewhere in memory. */
export interface Matrix {
  readonly address: number; // of element [0, 0]
  readonly shape: readonly [rows: number, columns: number];
  readonly axes: readonly [rows: Axis, columns: Axis];
}

/** How the right matrix of a product is packed. */
export interface Packing {
  readonly K: number; // rows
  readonly N: number; // columns
  readonly block: number; // rows of a block of the kernel
  readonly depth: number; // K as a multiple of the block; rows from K on are zero
  readonly groups: number; // of 8 columns; columns from N on are zero
  readonly bytes: number;
}

/** `leftLanes` is how many floats may be read of each row of the left matrix. */
export function packingOf(K: number, N: number, leftLanes: number): Packing {
  const block = [8, 4, 2, 1].find((size) => Math.ceil(K / size) * size <= leftLanes)!;
  const depth = Math.ceil(K / block) * block;
  const groups = roundUp8(N) / 8;
  return { K, N, block, depth, groups, bytes: groups * depth * 32 };
}

/** Calls that put the matrix [K, N] there. */
export function packCalls(b: Matrix, { K, N, depth }: Packing, at: number, builder: Builder): Call[] {
  const [rows, columns] = b.axes;
  const whole = N - (N % 8);
  const parts = [
    { start: 0, size: whole },
    { start: whole, size: N - whole },
  ].filter(({ size }) => size > 0);
  return parts.flatMap(({ start, size }) => {
    const part = cut(columns, { start, step: 1, size });
    const group = at + (start / 8) * depth * 32;
    if (!part) throw new Error(`${N} columns are walked in loops that do not fit together`);
    const inGroup = { size: Math.min(8, size), bytes: 4 };
    const groups = { size: Math.ceil(size / 8), bytes: depth * 32 };
    const shape = [K, size];
    const from = { address: b.address + part.offset, origin: 0, shape, axes: [rows, part.axis] };
    const to = { address: group, origin: 0, shape, axes: [[{ size: K, bytes: 32 }], [groups, inGroup]] };
    return copyCalls(from, to, builder);
  });
}

/** Calls that zero what `packCalls` leaves: needed once for all matrices that are put at one place. */
export function clearPacking({ K, N, depth, groups }: Packing, at: number, builder: Builder): Call[] {
  const kernel = builder.kernel(clear());
  const calls: Call[] = [];
  const groupBytes = depth * 32;
  if (N % 8) calls.push({ kernel, args: [at + (groups - 1) * groupBytes, groupBytes, 0, 1] });
  if (depth > K) calls.push({ kernel, args: [at + K * 32, (depth - K) * 32, groupBytes, groups] });
  return calls;
}

/** Rows of a product: addresses in the left matrix, the result and, where there is one, what is added. */
export interface ProductRows {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly residual?: Int32Array;
}

export interface ProductEnd extends Epilogue {
  readonly lo: number;
  readonly hi: number;
}

export const plainEnd: ProductEnd = { residual: false, lo: -Infinity, hi: Infinity };

/** The table of the groups of a packed matrix at `at`, for `productCalls`; its address. `bias` is zero without one. */
export function groupTable(
  packing: Packing,
  at: number,
  bias: number,
  offsets: number,
  builder: Builder,
): number {
  const words = new Int32Array(packing.groups * groupWords);
  for (let g = 0; g < packing.groups; g++) {
    const start = at + g * packing.depth * 32;
    words.set([start, start + packing.depth * 32, offsets, bias + g * 32, g * 32], g * groupWords);
  }
  return builder.data(words);
}

/** The offsets of the blocks in a row of the left matrix; their address. */
export function blockOffsets({ depth, block }: Packing, builder: Builder): number {
  return builder.data(Int32Array.from({ length: depth / block }, (_, i) => i * block * 4));
}

/** Calls of the kernel for all rows, with the groups of `groupTable`. */
export function productCalls(
  rows: ProductRows,
  packing: Packing,
  groups: number,
  end: ProductEnd,
  builder: Builder,
): Call[] {
  const { lo, hi, ...epilogue } = end;
  const tables = [rows.from, rows.to, ...(rows.residual ? [rows.residual] : [])];
  const count = rows.from.length;
  const size = tileSize(count);
  const whole = Math.floor(count / size);
  const groupsEnd = groups + packing.groups * groupWords * 4;
  const run = (pixels: number, first: number, tiles: number): Call[] => {
    if (pixels === 0 || tiles === 0) return [];
    const kernel = { ...epilogue, pixels, block: packing.block, fma: builder.fma };
    const words = new Int32Array(tiles * tileWords(kernel));
    for (let tile = 0, at = 0, row = first; tile < tiles; tile++, row += pixels) {
      for (const table of tables) for (let p = 0; p < pixels; p++) words[at++] = table[row + p];
    }
    const at = builder.data(words);
    const tileBytes = words.byteLength / tiles;
    const panelTiles = Math.max(1, Math.floor(panelBytes / (pixels * 4 * (packing.K + packing.N))));
    const spans = [at, at + words.byteLength, groups, groupsEnd, panelTiles * tileBytes];
    return [{ kernel: builder.kernel(conv(kernel)), args: [...spans, lo, hi] }];
  };
  return [...run(size, 0, whole), ...run(count - whole * size, whole * size, 1)];
}

/** On one thread, of `rows` rows. */
export function productCycles({ depth, block, groups }: Packing, rows: number): number {
  return Math.ceil(rows / 6) * groups * ((depth / block) * (6 * block + 4) + 30);
}

/** Cycles that it takes to pack a matrix. */
export const packCycles = ({ K, N }: Packing): number => 0.7 * K * N + 200;

/** The largest part of the L2 cache that rows of both matrices may take. */
const panelBytes = 512 * 1024;

/** 6 or 5 rows a tile, whichever wastes less: a tile of fewer than 4 rows takes as long as one of 4. */
function tileSize(count: number): number {
  if (count < 6) return count;
  const cost = (tile: number) => count - (count % tile) + (count % tile ? Math.max(4, count % tile) : 0);
  return cost(5) < cost(6) ? 5 : 6;
}
