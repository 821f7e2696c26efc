/**
 * f32_depthwise_{P}x8: depthwise convolution of P pixels by 8 channels.
 *
 *   out[p, c] = clamp( bias[c] + sum over taps t: x[p + offset(t), c] * w[c/8, t, c%8] )
 *
 * Activations are NHWC inside a zero border; a tap is one i32 byte offset from the pixel's address.
 */

import { clamp, multiplyAdd } from "./arithmetic.ts";
import { bump, type Code, doWhile, type Func, f32x4, func, i32, locals, set, v128 } from "./asm.ts";

export interface DepthwiseKernel {
  readonly pixels: number; // P, 1..4
  readonly fma: boolean;
}

export const depthwiseName = (k: DepthwiseKernel): string => `f32_depthwise_${k.pixels}x8`;

/**
 * Parameters: tiles [tilesEnd): P input addresses then P output addresses a tile, as in conv.ts; taps [tapsEnd):
 * i32 offsets; weights [channels / 8][taps][8]; bias [channels]; channelBytes = 4 * channels, a multiple of 32.
 */
export function depthwise(kernel: DepthwiseKernel): Func {
  const { pixels } = kernel;
  const madd = multiplyAdd(kernel.fma);
  const params = {
    tiles: "i32",
    tilesEnd: "i32",
    taps: "i32",
    tapsEnd: "i32",
    weights: "i32",
    bias: "i32",
    channelBytes: "i32",
    lo: "f32",
    hi: "f32",
  } as const;

  return func(depthwiseName(kernel), params, (args, local) => {
    const { tiles, tilesEnd, taps, tapsEnd, weights, bias, channelBytes, lo, hi } = args;
    const [w, tap, offset, channel, address] = locals(local, "i32", 5);
    const x = locals(local, "i32", pixels);
    const acc = x.map(() => locals(local, "v128", 2));
    const [w0, w1] = locals(local, "v128", 2);

    const eachTap: Code[] = [
      set(offset, i32.add(i32.load(tap), channel)),
      set(w0, v128.load(w)),
      set(w1, v128.load(w, 16)),
    ];
    for (let p = 0; p < pixels; p++) {
      eachTap.push(set(address, i32.add(x[p], offset)));
      eachTap.push(set(acc[p][0], madd(v128.load(address), w0, acc[p][0])));
      eachTap.push(set(acc[p][1], madd(v128.load(address, 16), w1, acc[p][1])));
    }
    eachTap.push(bump(w, 32), bump(tap, 4));

    const eachChannel: Code[] = [set(tap, taps), set(address, i32.add(bias, channel))];
    for (const a of acc)
      eachChannel.push(set(a[0], v128.load(address)), set(a[1], v128.load(address, 16)));
    eachChannel.push(doWhile(eachTap, i32.lt_u(tap, tapsEnd)));
    eachChannel.push(set(w0, f32x4.splat(lo)), set(w1, f32x4.splat(hi)));
    for (let p = 0; p < pixels; p++) {
      eachChannel.push(set(address, i32.add(i32.load(tiles, (pixels + p) * 4), channel)));
      for (const v of [0, 1]) eachChannel.push(v128.store(address, clamp(acc[p][v], w0, w1), v * 16));
    }
    eachChannel.push(bump(channel, 32));

    return [
      doWhile(
        [
          ...x.map((pixel, p) => set(pixel, i32.load(tiles, p * 4))),
          set(w, weights),
          set(channel, i32.const(0)),
          doWhile(eachChannel, i32.lt_u(channel, channelBytes)),
          bump(tiles, pixels * 8),
        ],
        i32.lt_u(tiles, tilesEnd),
      ),
    ];
  });
}
