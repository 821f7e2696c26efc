/**
 * f32_softmax_rows: out[i] = e^(k x[i] - k max x) / sum over j of e^(k x[j] - k max x), along rows of elements side by side.
 * f32_softmax: the same with k = 1 along any axis, one element at a time.
 *
 * Three walks over a row, which stays in the L1 cache: the greatest element; the powers and their sum; the quotients.
 */
import {
  bump,
  type Code,
  doWhile,
  type Expr,
  type Func,
  f32,
  f32x4,
  func,
  i32,
  i32x4,
  i32x4_shuffle,
  type Local,
  locals,
  set,
  v128,
  when,
  whileDo,
} from "./asm.ts";
import { makeContext } from "./context.ts";
import { exp } from "./exp.ts";

export interface SoftmaxRowsKernel {
  readonly scale: number; // k, above 0
  readonly fma: boolean;
}

export const softmaxRowsName = ({ scale }: SoftmaxRowsKernel): string =>
  `f32_softmax_rows${scale === 1 ? "" : `_${Math.fround(scale)}`}`;

/**
 * Parameters: `rows` ≥ 1 rows of `count` ≥ 1 elements of x and of out, `xRow` and `outRow` bytes apart. Lanes of out
 * behind the last element become 0, up to a multiple of 8; x may be out.
 */
export function softmaxRows(kernel: SoftmaxRowsKernel): Func {
  const params = {
    x: "i32",
    out: "i32",
    rows: "i32",
    count: "i32",
    xRow: "i32",
    outRow: "i32",
  } as const;
  return func(softmaxRowsName(kernel), params, ({ x, out, rows, count, xRow, outRow }, local) => {
    const context = makeContext(kernel.fma, local);
    const [from, to, end, lastBytes] = locals(local, "i32", 4);
    const [max0, max1, sum0, sum1, y0, y1, mask] = locals(local, "v128", 7);
    const least = context.constant(-Infinity);
    const power = (y: Local, value: Expr): Code =>
      set(y, exp(f32x4.sub(value, max0), context, { scale: kernel.scale, max: 0 }));
    /** Two vectors a round, then one where it is left, then the last few elements. */
    const walk = (round: Code[], one: Code[], part: Code[], pointers: Local[]): Code[] => [
      set(from, x),
      set(to, out),
      whileDo(i32.lt_u(i32.add(from, i32.const(16)), end), [
        ...round,
        ...pointers.map((pointer) => bump(pointer, 32)),
      ]),
      when(i32.lt_u(from, end), [...one, ...pointers.map((pointer) => bump(pointer, 16))]),
      when(i32.ne(lastBytes, i32.const(0)), part),
    ];
    const lastElements = v128.bitselect(v128.load(from), least, mask);

    const eachRow = [
      set(end, i32.add(x, i32.and(i32.shl(count, i32.const(2)), i32.const(-16)))),
      set(max0, least),
      set(max1, least),
      ...walk(
        [set(max0, f32x4.pmax(max0, v128.load(from))), set(max1, f32x4.pmax(max1, v128.load(from, 16)))],
        [set(max0, f32x4.pmax(max0, v128.load(from)))],
        [set(max0, f32x4.pmax(max0, lastElements))],
        [from],
      ),
      set(max0, f32x4.pmax(max0, max1)),
      ...acrossLanes(max0, f32x4.pmax),
      set(sum0, context.constant(0)),
      set(sum1, context.constant(0)),
      ...walk(
        [
          power(y0, v128.load(from)),
          power(y1, v128.load(from, 16)),
          v128.store(to, y0),
          v128.store(to, y1, 16),
          set(sum0, f32x4.add(sum0, y0)),
          set(sum1, f32x4.add(sum1, y1)),
        ],
        [power(y0, v128.load(from)), v128.store(to, y0), set(sum0, f32x4.add(sum0, y0))],
        [power(y0, lastElements), v128.store(to, y0), set(sum1, f32x4.add(sum1, y0))],
        [from, to],
      ),
      set(sum0, f32x4.add(sum0, sum1)),
      ...acrossLanes(sum0, f32x4.add),
      set(sum0, f32x4.div(context.constant(1), sum0)),
      // From out to out: pairs of vectors, the last one with zeros where it stands alone.
      set(to, out),
      set(end, i32.add(out, i32.shl(count, i32.const(2)))),
      doWhile(
        [
          v128.store(to, f32x4.mul(v128.load(to), sum0)),
          when(
            i32.lt_u(i32.add(to, i32.const(16)), end),
            [v128.store(to, f32x4.mul(v128.load(to, 16), sum0), 16)],
            [v128.store(to, context.constant(0), 16)],
          ),
          bump(to, 32),
        ],
        i32.lt_u(to, end),
      ),
      bump(x, xRow),
      bump(out, outRow),
      bump(rows, -1),
    ];
    const lanes = f32x4.convert_i32x4_s(v128.const([0, 1, 2, 3]));
    return [
      ...context.fillConstants(),
      set(lastBytes, i32.and(i32.shl(count, i32.const(2)), i32.const(12))),
      set(mask, f32x4.lt(lanes, f32x4.convert_i32x4_s(i32x4.splat(i32.and(count, i32.const(3)))))),
      doWhile(eachRow, rows),
    ];
  });
}

/** Every lane becomes what `merge` makes of all four. */
function acrossLanes(vector: Local, merge: (a: Expr, b: Expr) => Code): Code[] {
  return [
    set(vector, merge(vector, i32x4_shuffle(vector, vector, [2, 3, 0, 1]))),
    set(vector, merge(vector, i32x4_shuffle(vector, vector, [1, 0, 3, 2]))),
  ];
}

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
