/**
 * e^x of four lanes, shared by softmax and the activations.
 *
 *   e^(kx) = 2^n * e^r,   n = round(kx / ln 2),   r = kx - n ln 2,   |r| <= ln 2 / 2
 *
 * e^r is a polynomial of degree 5 that is 1 at 0, fitted for the least greatest error: 1e-7 of the result. n is
 * found by adding 1.5 * 2^23, where neighbouring floats are 1 apart: the sum's low bits are n, and with the bias of
 * the exponent added too they need only be shifted to be 2^n. k goes into the constants and costs nothing.
 */
import { type Code, type Expr, f32x4, i32, i32x4, set } from "./asm.ts";
import type { Context } from "./context.ts";

export interface ExpOptions {
  readonly scale?: number; // k, 1 where it is left out
  /** What kx is known to keep to (-88 or more, 88 or less), so that no clamp is spent on it. NaN passes all. */
  readonly min?: number;
  readonly max?: number;
  /** Added to the result before it is rounded. */
  readonly plus?: number;
  /** All results that float32 holds; without it they are infinite from 2^127.5 on. One instruction more. */
  readonly full?: boolean;
}

/** Leaves e^(kx) + plus: NaN where x is NaN, plus alone where e^(kx) is below 2^-125. */
export function exp(x: Expr, context: Context, options: ExpOptions = {}): Code {
  const { scale: k = 1, min = -Infinity, max = Infinity, plus = 0, full = false } = options;
  const { madd, constant: c } = context;
  const [r, sum, n] = [context.temporary(), context.temporary(), context.temporary()];

  const least = full ? -87 : -88; // where all bits of 2^n are zero
  const most = 89; // where 2^n is infinite
  const bounds = [min < least ? least / k : undefined, max > most ? most / k : undefined];
  const [low, high] = k > 0 ? bounds : bounds.toReversed();
  let kept = x;
  if (low !== undefined) kept = f32x4.pmax(kept, c(low));
  if (high !== undefined) kept = f32x4.pmin(kept, c(high));

  const magic = 1.5 * 2 ** 23 + (full ? 126 : 127); // 2^(n - 1), doubled in the end, reaches 2^128
  const ln2 = Math.LN2 / k;
  const ln2High = firstBits(ln2, 12); // so short that its product with n is exact
  const scaled = coefficients.map((coefficient, i) => coefficient * k ** i);
  const polynomial = context.polynomial(r, scaled);
  const power = i32x4.shl(sum, i32.const(23));
  return [
    ...set(r, kept),
    ...set(sum, madd(r, c(1 / ln2), c(magic))),
    ...set(n, f32x4.sub(sum, c(magic))),
    ...set(r, madd(n, c(-ln2High), r)),
    ...set(r, madd(n, c(ln2High - ln2), r)),
    ...(full
      ? madd(f32x4.mul(polynomial, power), c(2), c(plus))
      : plus
        ? madd(polynomial, power, c(plus))
        : f32x4.mul(polynomial, power)),
  ];
}

/** e^r = 1 + c1 r + … + c5 r^5 for |r| <= ln 2 / 2. */
const coefficients = [1, 0.9999997063, 0.49999147831, 0.1666763816, 0.04189816062, 0.00829027004];

/** x with all but its first `bits` binary digits rounded away. */
function firstBits(x: number, bits: number): number {
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) + 1 - bits);
  return Math.round(x / unit) * unit;
}
