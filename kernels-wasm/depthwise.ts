/**
 * f32_depthwise_{kH}x{kW}_s{stride}_{P}x4: depthwise convolution of P pixels of a row by 4 channels.
 *
 *   out[p, c] = epilogue( bias[c] + sum over taps (ky, kx): row[ky][p * stride + kx * dilation, c] * w[ky, kx, c] )
 *
 * Activations are NHWC inside a zero border. Along a row of taps every column of the input is loaded once and
 * serves all the pixels whose windows hold it: P accumulators + kW weights + 1 column fit the 15 registers
 * that V8 has on x64 while P + kW ≤ 14, and there are about half as many loads as multiply-adds.
 */
import { multiplyAdd } from "./arithmetic.ts";
import { bump, type Code, doWhile, type Func, f32x4, func, i32, locals, set, v128 } from "./asm.ts";
import { makeContext } from "./context.ts";
import { type Epilogue, epilogueName, makeEpilogue } from "./epilogue.ts";

export interface DepthwiseKernel extends Pick<Epilogue, "activation" | "clamps"> {
  readonly pixels: number; // P
  readonly kH: number;
  readonly kW: number;
  readonly stride: number; // along the row, in pixels
  readonly dilation: number; // along the row, in pixels
  readonly fma: boolean;
}

export function depthwiseName(k: DepthwiseKernel): string {
  const dilation = k.dilation > 1 ? `_d${k.dilation}` : "";
  const epilogue = epilogueName({ ...k, residual: false });
  return `f32_depthwise_${k.kH}x${k.kW}_s${k.stride}${dilation}_${k.pixels}x4${epilogue}`;
}

/** i32 words a strip of P pixels: where each row of taps begins for the first pixel, and the first pixel's output. */
export const stripWords = ({ kH }: Pick<DepthwiseKernel, "kH">): number => kH + 1;

/**
 * Parameters: strips [stripsEnd) as above; weights [channels / 4][1 + kH * kW][4], the bias before the taps;
 * channelBytes = 4 * channels, a multiple of 16; bytes from a pixel of the input to the next, and of the output;
 * lo and hi clamp.
 */
export function depthwise(kernel: DepthwiseKernel): Func {
  const { pixels, kH, kW, stride, dilation } = kernel;
  const madd = multiplyAdd(kernel.fma);
  const columns = (pixels - 1) * stride + (kW - 1) * dilation + 1;
  const params = {
    strips: "i32",
    stripsEnd: "i32",
    weights: "i32",
    channelBytes: "i32",
    xStep: "i32",
    outStep: "i32",
    lo: "f32",
    hi: "f32",
  } as const;

  return func(depthwiseName(kernel), params, (args, local) => {
    const { strips, stripsEnd, weights, channelBytes, xStep, outStep, lo, hi } = args;
    const [channel, w, address] = locals(local, "i32", 3);
    const acc = locals(local, "v128", pixels);
    const tap = locals(local, "v128", kW);
    const [column, min, max] = locals(local, "v128", 3);
    const context = makeContext(kernel.fma, local);
    const epilogue = makeEpilogue({ ...kernel, residual: false }, min, max, context);

    const eachChannel: Code[] = acc.map((a) => set(a, v128.load(w)));
    for (let ky = 0; ky < kH; ky++) {
      tap.forEach((t, kx) => {
        eachChannel.push(set(t, v128.load(w, 16 * (1 + ky * kW + kx))));
      });
      eachChannel.push(set(address, i32.add(i32.load(strips, ky * 4), channel)));
      for (let at = 0; at < columns; at++) {
        if (at > 0) eachChannel.push(bump(address, xStep));
        const uses = usesOf(at, kernel);
        if (uses.length > 0) eachChannel.push(set(column, v128.load(address)));
        for (const [p, kx] of uses) eachChannel.push(set(acc[p], madd(column, tap[kx], acc[p])));
      }
    }
    eachChannel.push(
      set(min, f32x4.splat(lo)),
      set(max, f32x4.splat(hi)),
      set(address, i32.add(i32.load(strips, kH * 4), channel)),
    );
    acc.forEach((a, p) => {
      if (p > 0) eachChannel.push(bump(address, outStep));
      eachChannel.push(v128.store(address, epilogue(a)));
    });
    eachChannel.push(bump(w, 16 * (1 + kH * kW)), bump(channel, 16));

    return [
      ...context.fillConstants(),
      doWhile(
        [
          set(channel, i32.const(0)),
          set(w, weights),
          doWhile(eachChannel, i32.lt_u(channel, channelBytes)),
          bump(strips, stripWords(kernel) * 4),
        ],
        i32.lt_u(strips, stripsEnd),
      ),
    ];
  });
}

/** The pixels whose windows hold a column, and which tap of the row it is for them. */
function usesOf(
  column: number,
  { pixels, kW, stride, dilation }: DepthwiseKernel,
): [p: number, kx: number][] {
  const uses: [number, number][] = [];
  for (let p = 0; p < pixels; p++) {
    for (let kx = 0; kx < kW; kx++) if (p * stride + kx * dilation === column) uses.push([p, kx]);
  }
  return uses;
}
