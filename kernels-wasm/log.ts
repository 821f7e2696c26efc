/**
 * ln x and x^y of four lanes.
 *
 *   ln x = e ln 2 + ln(1 + f),   x = 2^e (1 + f),   √½ <= 1 + f < √2
 *
 * ln(1 + f) = f - f²/2 + f³ P(f) with P of degree 6, fitted for the least greatest error: 1e-7 of the result.
 */
import { type Code, f32x4, i32, i32x4, type Local, set, v128 } from "./asm.ts";
import type { Context } from "./context.ts";
import { exp } from "./exp.ts";

/** Leaves ln x: -Infinity for 0, NaN where x is below 0 or NaN. */
export function log(x: Local, { constant: c, madd, polynomial, temporary }: Context): Code {
  const [scaled, e, f, square, result] = Array.from({ length: 5 }, temporary);
  const isTiny = f32x4.lt(x, c(2 ** -126)); // no leading 1 there: 2^23 more
  const rootHalf = i32x4.splat(i32.const(0x3f3504f3)); // the bits of √½
  const where = (mask: Code, value: number) => set(result, v128.bitselect(c(value), result, mask));
  return [
    ...set(scaled, v128.bitselect(f32x4.mul(x, c(2 ** 23)), x, isTiny)),
    ...set(e, i32x4.shr_s(i32x4.sub(scaled, rootHalf), i32.const(23))),
    ...set(f, f32x4.sub(i32x4.sub(scaled, i32x4.shl(e, i32.const(23))), c(1))),
    ...set(e, f32x4.convert_i32x4_s(e)),
    ...set(e, f32x4.sub(e, v128.and(c(23), isTiny))),
    ...set(square, f32x4.mul(f, f)),
    // The small terms first, the greatest last: e ln 2 in two parts, the first of few enough digits to be exact.
    ...set(result, madd(f32x4.mul(square, f), polynomial(f, coefficients), f32x4.mul(e, c(ln2Low)))),
    ...set(result, madd(square, c(-0.5), result)),
    ...set(result, madd(e, c(ln2High), f32x4.add(f, result))),
    ...where(f32x4.eq(x, c(Infinity)), Infinity),
    ...where(f32x4.eq(x, c(0)), -Infinity),
    ...where(f32x4.lt(x, c(0)), NaN),
    ...v128.bitselect(result, x, f32x4.eq(x, x)),
  ];
}

/**
 * Leaves x^y for a constant y. Whole y up to 8 are products, halves go by way of the square root, all others are
 * e^(y ln x): relative error y ln x * 1e-7, and NaN where x is below 0.
 */
export function power(x: Local, y: number, context: Context): Code {
  const { constant: c, temporary } = context;
  if (y < 0 && (isProduct(-y) || y === -0.5)) return f32x4.div(c(1), power(x, -y, context));
  if (y === 0.5) return f32x4.sqrt(x);
  if (isProduct(y)) {
    const result = temporary();
    const steps = y.toString(2).slice(1);
    const code = [...set(result, y === 0 ? c(1) : x)];
    for (const bit of steps) {
      code.push(...set(result, f32x4.mul(result, result)));
      if (bit === "1") code.push(...set(result, f32x4.mul(result, x)));
    }
    return [...code, ...f32x4.mul(result, c(1))];
  }
  return exp(f32x4.mul(log(x, context), c(y)), context, { full: true });
}

const isProduct = (y: number): boolean => Number.isInteger(y) && y >= 0 && y <= 8;

const coefficients = [
  0.33333912015, -0.2500133793, 0.19963005039, -0.16577528561, 0.14915415578, -0.14268172825,
  0.0869925875,
];
const ln2High = 0.693359375;
const ln2Low = Math.LN2 - ln2High;
