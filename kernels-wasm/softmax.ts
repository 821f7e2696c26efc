/**
 * f32_softmax: out[i] = exp(x[i] - max x) / sum over j of exp(x[j] - max x), along one row.
 *
 * exp(x) = 2^n * e^r with n = round(x / ln 2), |r| ≤ ln 2 / 2; e^r by its Taylor polynomial of degree 7,
 * relative error below 1e-7. One element at a time.
 */
import { bump, type Code, doWhile, type Expr, type Func, f32, func, i32, locals, set } from "./asm.ts";

export const softmaxName = "f32_softmax";

/** Parameters: rows of `count` ≥ 1 elements `step` bytes apart; `rows` ≥ 1 of them, `xRow` and `outRow` bytes apart. */
export function softmax(): Func {
  const params = {
    x: "i32",
    out: "i32",
    rows: "i32",
    count: "i32",
    xRow: "i32",
    outRow: "i32",
    xStep: "i32",
    outStep: "i32",
  } as const;
  return func(softmaxName, params, ({ x, out, rows, count, xRow, outRow, xStep, outStep }, local) => {
    const [from, to, left] = locals(local, "i32", 3);
    const [max, sum, n, r] = locals(local, "f32", 4);
    const each = (body: readonly Code[]): Code[] => [
      set(from, x),
      set(to, out),
      set(left, count),
      doWhile([...body, bump(from, xStep), bump(to, outStep), bump(left, -1)], left),
    ];
    const powerOf2 = (a: Expr): Code => f32.reinterpret_i32(i32.shl(a, i32.const(23)));
    return [
      doWhile(
        [
          set(max, f32.load(x)),
          ...each([set(max, f32.max(max, f32.load(from)))]),
          set(sum, f32.const(0)),
          ...each([
            // Below -87 the result leaves the normal numbers; e^-87 is 1.6e-38.
            set(r, f32.max(f32.sub(f32.load(from), max), f32.const(-87))),
            set(n, f32.nearest(f32.mul(r, f32.const(Math.LOG2E)))),
            // ln 2 in two parts, so that n * ln 2 is exact enough.
            set(
              r,
              f32.sub(
                f32.sub(r, f32.mul(n, f32.const(0.693359375))),
                f32.mul(n, f32.const(-2.1219444e-4)),
              ),
            ),
            set(r, f32.mul(taylor(r), powerOf2(i32.add(i32.trunc_sat_f32_s(n), i32.const(127))))),
            f32.store(to, r),
            set(sum, f32.add(sum, r)),
          ]),
          ...each([f32.store(to, f32.div(f32.load(to), sum))]),
          bump(x, xRow),
          bump(out, outRow),
          bump(rows, -1),
        ],
        rows,
      ),
    ];
  });
}

/** 1 + r + r²/2! + … + r⁷/7!, by Horner. */
function taylor(r: Expr): Code {
  let sum = f32.const(1 / 5040);
  for (const factorial of [720, 120, 24, 6, 2, 1, 1])
    sum = f32.add(f32.mul(sum, r), f32.const(1 / factorial));
  return sum;
}
