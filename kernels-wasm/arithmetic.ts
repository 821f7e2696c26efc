/** Arithmetic that several kernels share. */
import { type Code, type Expr, f32x4 } from "./asm.ts";

/** a * b + c: one rounding with relaxed SIMD, two without. */
export function multiplyAdd(fma: boolean): (a: Expr, b: Expr, c: Expr) => Code {
  return fma ? f32x4.relaxed_madd : (a, b, c) => f32x4.add(f32x4.mul(a, b), c);
}

/** Lane by lane min(max(x, lo), hi); NaN stays NaN. */
export function clamp(x: Expr, lo: Expr, hi: Expr): Code {
  return f32x4.pmin(f32x4.pmax(x, lo), hi);
}
