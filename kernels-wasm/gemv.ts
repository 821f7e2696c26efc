/**
 * f32_gemv_{G}x8_k{K}: the convolution of conv.ts for one pixel, of G groups of 8 outputs that have the same blocks.
 *
 *   out[g, o] = epilogue( bias[g, o] + sum over blocks b, k: x[offset(b), k] * w[g, b, k, o], residual[g, o] )
 *
 * Every weight is used once, so it is memory that one waits for: G streams of weights are read at a time, and 2G
 * sums are more than the multiply-adds need to hide their latency.
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
  whileDo,
} from "./asm.ts";
import { makeContext } from "./context.ts";
import { groupWords } from "./conv.ts";
import { type Epilogue, epilogueName, makeEpilogue } from "./epilogue.ts";

export interface GemvKernel extends Epilogue {
  readonly groups: number; // G
  readonly block: number; // K, input channels of a block
  readonly fma: boolean;
}

export const gemvName = (k: GemvKernel): string =>
  `f32_gemv_${k.groups}x8_k${k.block}${epilogueName(k)}`;

/**
 * Parameters: addresses of the pixel in the input, in the output and in the residual, if there is one; groups
 * [groupsEnd) of the table of conv.ts, a multiple of G; lo and hi clamp.
 */
export function gemv(kernel: GemvKernel): Func {
  const { block, residual } = kernel;
  const madd = multiplyAdd(kernel.fma);
  const groupBytes = groupWords * 4;
  const params = {
    x: "i32",
    out: "i32",
    addend: "i32",
    groups: "i32",
    groupsEnd: "i32",
    lo: "f32",
    hi: "f32",
  } as const;

  return func(gemvName(kernel), params, ({ x, out, addend, groups, groupsEnd, lo, hi }, local) => {
    const [wEnd, index, address, outByte] = locals(local, "i32", 4);
    const w = locals(local, "i32", kernel.groups);
    const acc = w.map(() => locals(local, "v128", 2));
    const [splat, min, max] = locals(local, "v128", 3);
    const context = makeContext(kernel.fma, local);
    const epilogue = makeEpilogue(kernel, min, max, context);

    const eachBlock: Code[] = [set(address, i32.add(x, i32.load(index)))];
    for (let k = 0; k < block; k++) {
      eachBlock.push(set(splat, v128.load32_splat(address, k * 4)));
      w.forEach((stream, g) => {
        for (const v of [0, 1]) {
          const weights = v128.load(stream, k * 32 + v * 16);
          eachBlock.push(set(acc[g][v], madd(splat, weights, acc[g][v])));
        }
      });
    }
    eachBlock.push(bump(index, 4), ...w.map((stream) => bump(stream, block * 32)));

    const eachGroups: Code[] = [set(wEnd, i32.load(groups, 4)), set(index, i32.load(groups, 8))];
    w.forEach((stream, g) => {
      eachGroups.push(
        set(stream, i32.load(groups, g * groupBytes)),
        set(address, i32.load(groups, g * groupBytes + 12)),
        ...acc[g].map((a, v) => set(a, v128.load(address, v * 16))),
      );
    });
    eachGroups.push(whileDo(i32.ne(w[0], wEnd), eachBlock));
    w.forEach((_, g) => {
      eachGroups.push(set(outByte, i32.load(groups, g * groupBytes + 16)));
      if (residual) eachGroups.push(set(address, i32.add(addend, outByte)));
      eachGroups.push(set(outByte, i32.add(out, outByte)));
      for (const v of [0, 1]) {
        const y = epilogue(acc[g][v], residual ? v128.load(address, v * 16) : undefined);
        eachGroups.push(v128.store(outByte, y, v * 16));
      }
    });
    eachGroups.push(bump(groups, kernel.groups * groupBytes));

    return [
      ...context.fillConstants(),
      set(min, f32x4.splat(lo)),
      set(max, f32x4.splat(hi)),
      doWhile(eachGroups, i32.lt_u(groups, groupsEnd)),
    ];
  });
}
