/**
 * Loops over four strided dimensions: copies between layouts, element by element arithmetic, clearing.
 *
 *   f32_copy:            out[i] = clamp(a[i])
 *   f32_add, sub, mul, div:  out[i] = clamp(a[i] op b[i])
 *
 * Strides are in bytes; a stride of 0 repeats (broadcasting). Where the innermost strides of all operands
 * are 4, or 0 for an input, it runs four lanes at a time.
 */

import { clamp } from "./arithmetic.ts";
import {
  bump,
  type Code,
  doWhile,
  type Expr,
  type Func,
  f32,
  f32x4,
  fillZero,
  func,
  i32,
  type Local,
  locals,
  set,
  v128,
  when,
  whileDo,
} from "./asm.ts";

export type Elementwise = "copy" | "add" | "sub" | "mul" | "div";

export const elementwiseName = (op: Elementwise): string => `f32_${op}`;

/**
 * Parameters: a, (b,) out: addresses; n0..n3: sizes, each ≥ 1; then four strides each of a, (b,) and out; lo and hi.
 */
export function elementwise(op: Elementwise): Func {
  const operands = op === "copy" ? (["a", "out"] as const) : (["a", "b", "out"] as const);
  const names = [
    ...operands,
    ...[0, 1, 2, 3].map((d) => `n${d}`),
    ...operands.flatMap((operand) => [0, 1, 2, 3].map((d) => `${operand}${d}`)),
  ];
  const params = {
    ...Object.fromEntries(names.map((name) => [name, "i32"])),
    lo: "f32",
    hi: "f32",
  } as Record<string, "i32" | "f32">;
  const scalar = (x: Expr, y?: Expr): Expr => (op === "copy" || !y ? x : f32[op](x, y));
  const vector = (x: Expr, y?: Expr): Expr => (op === "copy" || !y ? x : f32x4[op](x, y));

  return func(elementwiseName(op), params, (p, local) => {
    const { lo, hi } = p;
    const inputs = operands.slice(0, -1);
    const counters = locals(local, "i32", 3);
    const bases = counters.map(() => operands.map(() => local("i32"))); // the operands' addresses at each outer loop
    const left = local("i32");
    const vectors = Object.fromEntries(inputs.map((name) => [name, local("v128")])) as Record<
      string,
      Local
    >;
    const [loVector, hiVector] = locals(local, "v128", 2);
    const step = (d: number): Code[] =>
      operands.map((name) => set(p[name], i32.add(p[name], p[`${name}${d}`])));

    const oneElement = [
      f32.store(p.out, f32.min(f32.max(scalar(f32.load(p.a), p.b && f32.load(p.b)), lo), hi)),
      ...step(3),
      bump(left, -1),
    ];
    const load = (name: string): Code =>
      when(
        i32.eqz(p[`${name}3`]),
        [set(vectors[name], v128.load32_splat(p[name]))],
        [set(vectors[name], v128.load(p[name]))],
      );
    const fourElements = [
      ...inputs.map(load),
      v128.store(p.out, clamp(vector(vectors.a, vectors.b), loVector, hiVector)),
      ...operands.map((name) => set(p[name], i32.add(p[name], i32.shl(p[`${name}3`], i32.const(2))))),
      bump(left, -4),
    ];
    const isUnit = (name: string): Code => i32.eq(p[`${name}3`], i32.const(4));
    const canVector = inputs.reduce<Code>(
      (all, name) => i32.and(all, i32.eqz(i32.and(p[`${name}3`], i32.const(~4)))), // 0 or 4
      isUnit("out"),
    );
    const row: Code[] = [
      set(left, p.n3),
      when(canVector, [whileDo(i32.gt_s(left, i32.const(3)), fourElements)]),
      whileDo(i32.gt_s(left, i32.const(0)), oneElement),
    ];
    const loop = (d: number): Code[] => [
      set(counters[d], p[`n${d}`]),
      doWhile(
        [
          ...operands.map((name, i) => set(bases[d][i], p[name])),
          ...(d === 2 ? row : loop(d + 1)),
          ...operands.map((name, i) => set(p[name], i32.add(bases[d][i], p[`${name}${d}`]))),
          bump(counters[d], -1),
        ],
        counters[d],
      ),
    ];
    return [set(loVector, f32x4.splat(lo)), set(hiVector, f32x4.splat(hi)), ...loop(0)];
  });
}

export const clearName = "f32_clear";

/** Zeroes `count` pieces of `bytes` bytes, `stride` bytes apart: the border of an image is three such calls. */
export function clear(): Func {
  const params = { address: "i32", bytes: "i32", stride: "i32", count: "i32" } as const;
  return func(clearName, params, ({ address, bytes, stride, count }) => [
    doWhile(
      [fillZero(address, bytes), bump(address, stride), bump(count, -1)],
      i32.gt_s(count, i32.const(0)),
    ),
  ]);
}
