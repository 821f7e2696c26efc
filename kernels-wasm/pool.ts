/**
 * f32_pool_max, f32_pool_average: pooling of 8 channels at a time.
 *
 *   max:      out[p, c] = max over taps t of p: x[t, c]
 *   average:  out[p, c] = scale[p] * sum over taps t of p: x[t, c]
 *
 * Every output pixel lists the addresses of its own taps, those inside the image only, so that pads,
 * dilation, ceil_mode and count_include_pad are all in the table.
 */
import { bump, doWhile, type Func, f32x4, func, i32, locals, set, v128, whileDo } from "./asm.ts";

export const poolName = (kind: "max" | "average"): string => `f32_pool_${kind}`;

/** 32-bit words an output pixel: output address, its taps (an address in the tap list), their end, scale (f32). */
export const poolWords = 4;

/** Parameters: pixels [pixelsEnd) as above, at least one tap each; channelBytes = 4 * channels, a multiple of 32. */
export function pool(kind: "max" | "average"): Func {
  const params = { pixels: "i32", pixelsEnd: "i32", channelBytes: "i32" } as const;
  return func(poolName(kind), params, ({ pixels, pixelsEnd, channelBytes }, local) => {
    const [tap, tapsEnd, channel, address] = locals(local, "i32", 4);
    const [a0, a1, scale] = locals(local, "v128", 3);
    const merge = kind === "max" ? f32x4.pmax : f32x4.add;
    const scaled = (a: typeof a0) => (kind === "max" ? a : f32x4.mul(a, scale));
    return [
      doWhile(
        [
          set(tapsEnd, i32.load(pixels, 8)),
          set(scale, v128.load32_splat(pixels, 12)),
          set(channel, i32.const(0)),
          doWhile(
            [
              set(tap, i32.load(pixels, 4)),
              set(address, i32.add(i32.load(tap), channel)),
              set(a0, v128.load(address)),
              set(a1, v128.load(address, 16)),
              bump(tap, 4),
              whileDo(i32.lt_u(tap, tapsEnd), [
                set(address, i32.add(i32.load(tap), channel)),
                set(a0, merge(a0, v128.load(address))),
                set(a1, merge(a1, v128.load(address, 16))),
                bump(tap, 4),
              ]),
              set(address, i32.add(i32.load(pixels), channel)),
              v128.store(address, scaled(a0)),
              v128.store(address, scaled(a1), 16),
              bump(channel, 32),
            ],
            i32.lt_u(channel, channelBytes),
          ),
          bump(pixels, poolWords * 4),
        ],
        i32.lt_u(pixels, pixelsEnd),
      ),
    ];
  });
}
