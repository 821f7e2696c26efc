/** peak: nothing but multiply-adds in registers, to measure what the machine can do at most. */

import { multiplyAdd } from "./arithmetic.ts";
import { bump, doWhile, type Func, func, i32, locals, set, v128 } from "./asm.ts";

export const peakName = "f32_peak";

const accumulators = 12; // covers two units of latency 4, as the convolution does
const unroll = 8;

/** Floating point operations of one call with `loops`. */
export const peakFlops = (loops: number): number => loops * unroll * accumulators * 4 * 2;

/** Parameters: how many loops; an address that 16 bytes are read from and written to. */
export function peak(fma: boolean): Func {
  const madd = multiplyAdd(fma);
  return func(peakName, { loops: "i32", address: "i32" }, ({ loops, address }, local) => {
    const acc = locals(local, "v128", accumulators);
    const [a, b] = locals(local, "v128", 2);
    // The product holds the accumulator, or a compiler would move it out of the loop where it is not fused.
    const round = acc.map((sum) => set(sum, madd(sum, a, b)));
    return [
      set(a, v128.load(address)),
      set(b, v128.load(address)),
      doWhile(
        [...Array.from({ length: unroll }, () => round).flat(), bump(loops, -1)],
        i32.gt_s(loops, i32.const(0)),
      ),
      ...acc.map((sum) => v128.store(address, sum)),
    ];
  });
}
