/**
 * f32_layer_norm_{count}: rows of `count` values, brought to mean 0 and variance 1, then scaled and shifted.
 *
 *   out[r, i] = (x[r, i] - mean) / sqrt(variance + epsilon) * scale[i] + bias[i]
 *
 * Three walks over a row, which stays in the L1 cache: the sum, the sum of squared distances from the mean (one
 * walk with the sum of squares would lose digits where the mean is large), the result. Four sums, so that an
 * addition need not wait for the one before it.
 */
import { multiplyAdd } from "./arithmetic.ts";
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
  i32x4_shuffle,
  type Local,
  locals,
  set,
  v128,
} from "./asm.ts";

export interface LayerNormKernel {
  readonly count: number; // values of a row, at least 1
  readonly fma: boolean;
}

export const layerNormName = ({ count }: LayerNormKernel): string => `f32_layer_norm_${count}`;

/**
 * Parameters: x and out, `rows` ≥ 1 rows of each, `xRow` and `outRow` bytes apart; scale and bias, rounded up to 4
 * with zeros; epsilon. Lanes of out behind the last value become 0, up to a multiple of 8.
 */
export function layerNorm(kernel: LayerNormKernel): Func {
  const { count } = kernel;
  const madd = multiplyAdd(kernel.fma);
  const params = {
    x: "i32",
    out: "i32",
    rows: "i32",
    xRow: "i32",
    outRow: "i32",
    scale: "i32",
    bias: "i32",
    epsilon: "f32",
  } as const;
  const vectors = Math.floor(count / 4);
  const left = count % 4;
  const rounds = Math.floor(vectors / sums); // of `sums` vectors
  const mask = v128.const([0, 1, 2, 3].map((lane) => (lane < left ? -1 : 0)));

  return func(layerNormName(kernel), params, (p, local) => {
    const [from, end, to, scale, bias] = locals(local, "i32", 5);
    const acc = locals(local, "v128", sums);
    const [mean, factor, d] = locals(local, "v128", 3);

    /** Walks a row: `whole(v)` for each vector v of a round, then for those that are left; `part` for the last few. */
    const walk = (
      whole: (v: number) => Code[],
      part: (v: number) => Code[],
      pointers: Local[],
    ): Code[] => {
      const round = Array.from({ length: sums }, (_, v) => whole(v)).flat();
      const rest = vectors - rounds * sums;
      const advance = pointers.map((pointer) => bump(pointer, sums * 16));
      const loop = doWhile([...round, ...advance], i32.lt_u(from, end));
      return [
        set(from, p.x),
        set(end, i32.add(p.x, i32.const(rounds * sums * 16))),
        ...(rounds ? [loop] : []),
        ...Array.from({ length: rest }, (_, v) => whole(v)).flat(),
        ...(left ? part(rest) : []),
      ];
    };
    const distance = (v: number): Code => f32x4.sub(v128.load(from, v * 16), mean);
    const add = (v: number, x: Expr): Code => set(acc[v % sums], f32x4.add(acc[v % sums], x));
    const addSquare = (v: number): Code[] => [set(acc[v % sums], madd(d, d, acc[v % sums]))];
    const clear = acc.map((sum) => set(sum, v128.const([0, 0, 0, 0])));
    const result = (v: number, x: Expr): Code =>
      v128.store(
        to,
        madd(f32x4.mul(x, factor), v128.load(scale, v * 16), v128.load(bias, v * 16)),
        v * 16,
      );

    const eachRow = [
      ...clear,
      ...walk(
        (v) => [add(v, v128.load(from, v * 16))],
        (v) => [add(v, v128.and(v128.load(from, v * 16), mask))],
        [from],
      ),
      ...sumLanes(acc, mean),
      set(mean, f32x4.mul(mean, f32x4.splat(f32.const(1 / count)))),
      ...clear,
      ...walk(
        (v) => [set(d, distance(v)), ...addSquare(v)],
        (v) => [set(d, v128.and(distance(v), mask)), ...addSquare(v)],
        [from],
      ),
      ...sumLanes(acc, factor),
      set(factor, madd(factor, f32x4.splat(f32.const(1 / count)), f32x4.splat(p.epsilon))),
      set(factor, f32x4.div(f32x4.splat(f32.const(1)), f32x4.sqrt(factor))),
      set(to, p.out),
      set(scale, p.scale),
      set(bias, p.bias),
      ...walk(
        (v) => [result(v, distance(v))],
        (v) => [result(v, v128.and(distance(v), mask))],
        [from, to, scale, bias],
      ),
      ...((count - 1) % 8 < 4
        ? [v128.store(to, v128.const([0, 0, 0, 0]), Math.ceil(count / 4) * 16 - rounds * sums * 16)]
        : []),
      bump(p.x, p.xRow),
      bump(p.out, p.outRow),
      bump(p.rows, -1),
    ];
    return [doWhile(eachRow, p.rows)];
  });
}

const sums = 4;

/** The sum of all lanes of all vectors, in every lane of `total`. */
function sumLanes([a, b, c, d]: readonly Local[], total: Local): Code[] {
  return [
    set(total, f32x4.add(f32x4.add(a, b), f32x4.add(c, d))),
    set(total, f32x4.add(total, i32x4_shuffle(total, total, [2, 3, 0, 1]))),
    set(total, f32x4.add(total, i32x4_shuffle(total, total, [1, 0, 3, 2]))),
  ];
}
