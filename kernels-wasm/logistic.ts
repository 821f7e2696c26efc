/**
 * The logistic function 1 / (1 + e^(-kx)) of four lanes, which sigmoid, SiLU and GELU's approximation share.
 *
 *   e^(-kx) = 2^n * e^(-kr),   n = round(-kx / ln 2),   r = x + n ln 2 / k,   |kr| <= ln 2 / 2
 *   e^(kr) = (r² + b + ar) / (r² + b - ar) = N / D,   hence   1 / (1 + e^(-kx)) = N / (N + 2^n D)
 *
 * One division serves both quotients: half the instructions of an exponential and a reciprocal. The fraction is fitted
 * for the least greatest error, 4.4e-7 of e^(kr), of which at most a quarter is left in the result. n is found and
 * made a power of two as in exp.ts.
 */
import { type Code, f32x4, i32, i32x4, type Local, set } from "./asm.ts";
import type { Context } from "./context.ts";

/** Where e^(-kx) vanishes beside 1, and where 2^n has its largest exponent. */
const end = 88;

/** Leaves 1 / (1 + e^(-kx)), k > 0; where `isHeld`, x is known to be -88 / k or more. NaN stays NaN. */
export function logistic(
  x: Local,
  { constant: c, madd, temporary }: Context,
  { k = 1, isHeld = false }: { k?: number; isHeld?: boolean } = {},
): Code {
  const [r, sum, n, even, top, bottom] = Array.from({ length: 6 }, temporary);
  const { pmin, pmax, sub, div } = f32x4;
  const kept = pmin(isHeld ? x : pmax(x, c(-end / k)), c(end / k));
  const magic = 1.5 * 2 ** 23 + 127;
  const ln2 = Math.LN2 / k;
  return [
    ...set(r, kept),
    ...set(sum, madd(r, c(-1 / ln2), c(magic))),
    ...set(n, sub(sum, c(magic))),
    ...set(r, madd(n, c(ln2), r)),
    ...set(even, madd(r, r, c(b / k ** 2))),
    ...set(top, madd(r, c(b / 2 / k), even)),
    ...set(bottom, madd(r, c(-b / 2 / k), even)),
    ...div(top, madd(bottom, i32x4.shl(sum, i32.const(23)), top)),
  ];
}

/** b, and a = b / 2, so that e^0 has the right slope. */
const b = 12.03024;
