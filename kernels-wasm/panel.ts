/**
 * f32_panel_{P}x{R}: convolution of P pixels by R outputs that share a list of inputs, for sparsity that does not
 * fill blocks of 8 outputs.
 *
 *   out[p, o] = epilogue( bias[o] + sum over entries e of o: row[e][p] * w[e, o] )
 *
 * Lanes are pixels. A row is one input channel of one kernel tap; the rows that are needed are gathered from
 * the NHWC activations into a panel [rows][P] that stays in the L1 cache, and serve all outputs. Where they are
 * too many, they come in slices, and sums wait between slices in memory [outputs][P].
 *
 *   for each panel of P pixels, for each slice of its rows:
 *     gather the rows                            squares of 4 pixels by 4 channels, through registers
 *     for each 16 outputs, for each R of them:   sum over the entries of the list
 *       after the last slice:                    the 16 outputs of each pixel, through registers too
 *
 * P R / 4 accumulators + R weights + 1 row fill the 15 registers that V8 has on x64 at 52x1 and 24x2.
 */
import { multiplyAdd } from "./arithmetic.ts";
import {
  bump,
  type Code,
  doWhile,
  type Func,
  f32x4,
  func,
  i32,
  locals,
  set,
  v128,
  when,
} from "./asm.ts";
import { makeContext } from "./context.ts";
import { type Epilogue, epilogueName, makeEpilogue } from "./epilogue.ts";
import { transposeSquare } from "./transpose.ts";

export interface PanelKernel extends Epilogue {
  readonly vectors: number; // P / 4, at most mostVectors[R]
  readonly outputs: 1 | 2; // R
  readonly unroll: 1 | 2; // entries of a list come in this number; an odd one is filled up with a zero weight
  readonly fma: boolean; // relaxed SIMD is there
}

/** By the outputs that share a list: what the registers allow. Rows of every panel lie as far apart as of these. */
export const mostVectors = { 1: 13, 2: 6 } as const;

export function panelName(kernel: PanelKernel): string {
  const { vectors, outputs, unroll } = kernel;
  return `f32_panel_${vectors * 4}x${outputs}_u${unroll}${epilogueName(kernel)}`;
}

/** i32 words a panel: P input addresses, P output addresses, and P residual addresses where there are any. */
export const panelWords = (k: Pick<PanelKernel, "vectors" | "residual">): number =>
  k.vectors * 4 * (k.residual ? 3 : 2);

/** i32 words a slice: its quads, their end. */
const sliceWords = 2;

/** Outputs that are summed up before they are transposed: those that share a cache line of a pixel. */
const chunk = 16;

/**
 * Parameters, addresses unless said:
 *   panels, panelsEnd  tables of P pixels each, as above; a pixel may come twice
 *   slices, slicesEnd  table of slices; each is a list of at least one quad: i32 byte offset from a pixel's
 *                      address to four inputs, which become four rows
 *   counts             i32 for each slice and R outputs: entries of the list, times 4 R (bytes of weights)
 *   offsets            u16 for each entry: byte offset of its row in the panel
 *   weights            R f32 for each entry
 *   bias, biasEnd      f32 for each output, a multiple of 8 of them
 *   outByte            byte offset of the first output in a pixel of the output and of the residual
 *   panel              scratch, rows of mostVectors[R] * 16 bytes
 *   sums, sumsStep     scratch of one such row an output, and the bytes that 16 of them take; with one slice
 *                      scratch for 16 outputs, and 0
 *   lo, hi             clamp
 */
export function panel(kernel: PanelKernel): Func {
  const { vectors, outputs, unroll, residual, fma } = kernel;
  const madd = multiplyAdd(fma);
  const rowBytes = mostVectors[outputs] * 16;
  const pixelsBytes = vectors * 16; // of a table of P addresses
  const params = {
    panels: "i32",
    panelsEnd: "i32",
    slices: "i32",
    slicesEnd: "i32",
    counts: "i32",
    offsets: "i32",
    weights: "i32",
    bias: "i32",
    biasEnd: "i32",
    outByte: "i32",
    panel: "i32",
    sums: "i32",
    sumsStep: "i32",
    lo: "f32",
    hi: "f32",
  } as const;

  return func(panelName(kernel), params, (p, local) => {
    const [slice, quad, quadsEnd, fourInputs, at, pixel] = locals(local, "i32", 6);
    const [count, offset, w, wEnd, row] = locals(local, "i32", 5);
    const [biasAt, chunkBias, chunkEnd, chunkSums, toByte] = locals(local, "i32", 5);
    const sums = Array.from({ length: outputs }, () => locals(local, "v128", vectors));
    const splats = locals(local, "v128", outputs);
    const [x, lo, hi] = locals(local, "v128", 3);
    const squares = [locals(local, "v128", 4), locals(local, "v128", 4)];
    const mixed = locals(local, "v128", 4);
    const from = locals(local, "i32", 8);
    const to = locals(local, "i32", 4);
    const context = makeContext(fma, local);

    // Squares are stored by twos, side by side: the cache takes two stores a cycle into one line, else one.

    /** Gathers 4 or 8 pixels of all rows of the slice. */
    const gatherPixels = (side: typeof squares): Code[] => [
      ...side.flatMap((_, s) =>
        squares[0].map((_, i) => set(from[s * 4 + i], i32.load(pixel, (s * 4 + i) * 4))),
      ),
      set(quad, i32.load(slice)),
      set(at, row),
      doWhile(
        [
          set(fourInputs, i32.load(quad)),
          ...side.flatMap((square, s) => [
            ...square.map((lane, i) => set(lane, v128.load(i32.add(from[s * 4 + i], fourInputs)))),
            ...transposeSquare(square, mixed),
          ]),
          ...squares[0].flatMap((_, i) =>
            side.map((square, s) => v128.store(at, square[i], i * rowBytes + s * 16)),
          ),
          bump(at, 4 * rowBytes),
          bump(quad, 4),
        ],
        i32.ne(quad, quadsEnd),
      ),
      bump(pixel, 16 * side.length),
      bump(row, 16 * side.length),
    ];
    const pairsBytes = Math.floor(vectors / 2) * 32; // of the table
    const gather = [
      set(pixel, p.panels),
      set(row, p.panel),
      ...(pairsBytes
        ? [doWhile(gatherPixels(squares), i32.ne(pixel, i32.add(p.panels, i32.const(pairsBytes))))]
        : []),
      ...(vectors % 2 ? gatherPixels([squares[0]]) : []),
    ];

    const entry = (i: number): Code[] => [
      set(row, i32.add(p.panel, i32.load16_u(offset, i * 2))),
      ...splats.map((splat, r) => set(splat, v128.load32_splat(w, (i * outputs + r) * 4))),
      ...Array.from({ length: vectors }, (_, v) => [
        ...set(x, v128.load(row, v * 16)),
        ...sums.flatMap((sum, r) => set(sum[v], madd(splats[r], x, sum[v]))),
      ]),
    ];
    const entries = [
      ...Array.from({ length: unroll }, (_, i) => entry(i)).flat(),
      bump(offset, unroll * 2),
      bump(w, unroll * outputs * 4),
    ];
    const eachSum = (body: (r: number, v: number) => Code): Code[] =>
      sums.flatMap((sum, r) => sum.map((_, v) => body(r, v)));
    const list: Code[] = [
      set(wEnd, i32.add(w, i32.load(count))),
      when(
        i32.eq(slice, p.slices),
        eachSum((r, v) => set(sums[r][v], v ? sums[r][0] : v128.load32_splat(biasAt, r * 4))),
        eachSum((r, v) => set(sums[r][v], v128.load(at, r * rowBytes + v * 16))),
      ),
      when(i32.ne(w, wEnd), [doWhile(entries, i32.ne(w, wEnd))]),
      ...eachSum((r, v) => v128.store(at, sums[r][v], r * rowBytes + v * 16)),
      bump(at, outputs * rowBytes),
      bump(count, 4),
      bump(biasAt, outputs * 4),
    ];

    const finish = makeEpilogue(kernel, lo, hi, context);
    const table = (which: number, i: number): Code => i32.load(pixel, which * pixelsBytes + i * 4);
    const addends = residual ? from.slice(0, 4) : [];
    const scatter = [
      set(pixel, p.panels),
      set(row, chunkSums),
      doWhile(
        [
          ...to.map((address, i) => set(address, i32.add(table(1, i), toByte))),
          ...addends.map((address, i) => set(address, i32.add(table(2, i), toByte))),
          set(at, row),
          set(biasAt, chunkBias),
          doWhile(
            [
              ...squares.flatMap((square, s) => [
                ...square.map((output, i) => set(output, v128.load(at, (s * 4 + i) * rowBytes))),
                ...transposeSquare(square, mixed),
              ]),
              ...to.flatMap((address, i) =>
                squares.map(({ [i]: lane }, s) => {
                  const addend = residual ? v128.load(addends[i], s * 16) : undefined;
                  return v128.store(address, finish(lane, addend), s * 16);
                }),
              ),
              ...[...to, ...addends].map((address) => bump(address, 32)),
              bump(at, 8 * rowBytes),
              bump(biasAt, 32),
            ],
            i32.ne(biasAt, chunkEnd),
          ),
          bump(pixel, 16),
          bump(row, 16),
        ],
        i32.ne(pixel, i32.add(p.panels, i32.const(pixelsBytes))),
      ),
    ];

    const eachChunk = [
      set(chunkBias, biasAt),
      set(chunkEnd, i32.add(biasAt, i32.const(chunk * 4))),
      when(i32.lt_u(p.biasEnd, chunkEnd), [set(chunkEnd, p.biasEnd)]),
      set(at, chunkSums),
      doWhile(list, i32.lt_u(biasAt, chunkEnd)),
      when(i32.eq(i32.add(slice, i32.const(sliceWords * 4)), p.slicesEnd), scatter),
      bump(chunkSums, p.sumsStep),
      bump(toByte, chunk * 4),
    ];

    return [
      ...[set(lo, f32x4.splat(p.lo)), set(hi, f32x4.splat(p.hi))],
      ...context.fillConstants(),
      doWhile(
        [
          set(count, p.counts),
          set(offset, p.offsets),
          set(w, p.weights),
          set(slice, p.slices),
          doWhile(
            [
              set(quadsEnd, i32.load(slice, 4)),
              ...gather,
              set(biasAt, p.bias),
              set(chunkSums, p.sums),
              set(toByte, p.outByte),
              doWhile(eachChunk, i32.lt_u(biasAt, p.biasEnd)),
              bump(slice, sliceWords * 4),
            ],
            i32.lt_u(slice, p.slicesEnd),
          ),
          bump(p.panels, 4 * panelWords(kernel)),
        ],
        i32.lt_u(p.panels, p.panelsEnd),
      ),
    ];
  });
}
