/**
 * f32_conv_{P}x8_k{K}: convolution, block-sparse or dense, of P pixels by 8 output channels.
 *
 *   out[p, o] = epilogue( bias[o] + sum over blocks b, k: x[p + offset(b), k] * w[b, k, o], residual[p, o] )
 *
 * Activations are NHWC inside a zero border; a block is K input channels of one kernel tap, so that
 * one i32 byte offset from the pixel's address reaches it, whatever stride, dilation and tap. The same
 * loop is a 1x1, 3x3, strided, dilated, grouped convolution and a matrix product; dense is the case
 * where every block is there.
 *
 * 2P accumulators + 2 weights + 1 splat fill the 15 registers that V8 has on x64 when P = 6.
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
  whileDo,
} from "./asm.ts";
import { makeContext } from "./context.ts";
import { type Epilogue, epilogueName, makeEpilogue } from "./epilogue.ts";

export interface ConvKernel extends Epilogue {
  readonly pixels: number; // P, 1..6
  readonly block: number; // K, input channels of a block
  readonly fma: boolean; // relaxed SIMD is there
}

export const convName = (k: ConvKernel): string =>
  `f32_conv_${k.pixels}x8_k${k.block}${epilogueName(k)}`;

/** i32 words a tile: P input addresses, P output addresses, and P residual addresses where there are any. */
export const tileWords = (k: Pick<ConvKernel, "pixels" | "residual">): number =>
  k.pixels * (k.residual ? 3 : 2);

/** Input channels of a turn of the inner loop, whose counters and checks weigh as much as one or two of them. */
const leastInputs = 4;

/** i32 words a group of 8 outputs: weights, their end, block offsets, bias, byte offset in the output pixel. */
export const groupWords = 5;

/**
 * Parameters: tiles [tilesEnd) and groups [groupsEnd) are addresses of the tables above; `panel` is how
 * many bytes of the tile table one group walks before the next group does, so that the activations of a
 * panel stay in the L2 cache while the group's weights stay in L1; lo and hi clamp.
 * Weights of a block: [K][8]. At least one tile and one group.
 */
export function conv(kernel: ConvKernel): Func {
  const { pixels, block, residual } = kernel;
  const madd = multiplyAdd(kernel.fma);
  const tileBytes = 4 * tileWords(kernel);
  const params = {
    tiles: "i32",
    tilesEnd: "i32",
    groups: "i32",
    groupsEnd: "i32",
    panel: "i32",
    lo: "f32",
    hi: "f32",
  } as const;

  return func(
    convName(kernel),
    params,
    ({ tiles, tilesEnd, groups, groupsEnd, panel, lo, hi }, local) => {
      const [panelEnd, group, tile, w, wEnd, index, bias] = locals(local, "i32", 7);
      const [outByte, address, addend] = locals(local, "i32", 3);
      const x = locals(local, "i32", pixels);
      const y = locals(local, "i32", pixels);
      const acc = x.map(() => locals(local, "v128", 2));
      const [w0, w1, splat] = locals(local, "v128", 3);

      /** The next `count` blocks. */
      const blocks = (count: number): Code[] => {
        const code: Code[] = [];
        for (let b = 0; b < count; b++) {
          code.push(set(address, i32.load(index, b * 4)));
          for (let p = 0; p < pixels; p++) code.push(set(y[p], i32.add(x[p], address)));
          for (let k = 0; k < block; k++) {
            const at = (b * block + k) * 32;
            code.push(set(w0, v128.load(w, at)), set(w1, v128.load(w, at + 16)));
            for (let p = 0; p < pixels; p++) {
              code.push(set(splat, v128.load32_splat(y[p], k * 4)));
              code.push(
                set(acc[p][0], madd(splat, w0, acc[p][0])),
                set(acc[p][1], madd(splat, w1, acc[p][1])),
              );
            }
          }
        }
        return [...code, bump(index, count * 4), bump(w, count * block * 32)];
      };

      const eachTile: Code[] = [];
      for (let p = 0; p < pixels; p++) {
        eachTile.push(set(x[p], i32.load(tile, p * 4)));
        eachTile.push(set(acc[p][0], v128.load(bias)), set(acc[p][1], v128.load(bias, 16)));
      }
      eachTile.push(set(w, i32.load(group)), set(index, i32.load(group, 8)));
      const many = Math.max(1, Math.floor(leastInputs / block));
      if (many > 1) {
        const manyEnd = local("i32"); // at or behind which there are fewer than so many
        eachTile.push(set(manyEnd, i32.add(wEnd, i32.const(1 - many * block * 32))));
        eachTile.push(whileDo(i32.lt_u(w, manyEnd), blocks(many)));
      }
      eachTile.push(when(i32.ne(w, wEnd), [doWhile(blocks(1), i32.ne(w, wEnd))]));
      eachTile.push(set(w0, f32x4.splat(lo)), set(w1, f32x4.splat(hi)));
      const context = makeContext(kernel.fma, local);
      const epilogue = makeEpilogue(kernel, w0, w1, context);
      for (let p = 0; p < pixels; p++) {
        if (residual) eachTile.push(set(addend, i32.add(i32.load(tile, (2 * pixels + p) * 4), outByte)));
        eachTile.push(set(address, i32.add(i32.load(tile, (pixels + p) * 4), outByte)));
        for (const v of [0, 1]) {
          const y = epilogue(acc[p][v], residual ? v128.load(addend, v * 16) : undefined);
          eachTile.push(v128.store(address, y, v * 16));
        }
      }
      eachTile.push(bump(tile, tileBytes));

      return [
        ...context.fillConstants(),
        doWhile(
          [
            set(panelEnd, i32.add(tiles, panel)),
            when(i32.lt_u(tilesEnd, panelEnd), [set(panelEnd, tilesEnd)]),
            set(group, groups),
            doWhile(
              [
                set(wEnd, i32.load(group, 4)),
                set(bias, i32.load(group, 12)),
                set(outByte, i32.load(group, 16)),
                set(tile, tiles),
                doWhile(eachTile, i32.lt_u(tile, panelEnd)),
                bump(group, groupWords * 4),
              ],
              i32.lt_u(group, groupsEnd),
            ),
            set(tiles, panelEnd),
          ],
          i32.lt_u(tiles, tilesEnd),
        ),
      ];
    },
  );
}
