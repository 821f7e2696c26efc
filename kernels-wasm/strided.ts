/**
 * Loops over four strided dimensions: copies between layouts, element by element arithmetic, clearing.
 *
 *   f32_copy:                out[i] = clamp(f(a[i]))
 *   f32_add, sub, mul, div, max, min, prelu:  out[i] = clamp(f(a[i] op b[i])); prelu: max(a, 0) + b min(a, 0)
 *
 * f is an activation, where there is one. Strides are in bytes; along the innermost dimension an operand's elements
 * lie side by side, or one is repeated, or they lie apart. Four lanes at a time, but for elements that lie apart; up
 * to 12 bytes behind an input's last element are read, nothing is written there.
 */
import { type Activation, activate, activationName } from "./activation.ts";
import { clamp } from "./arithmetic.ts";
import {
  bump,
  type Code,
  doWhile,
  type Expr,
  type Func,
  f32x4,
  fillZero,
  func,
  i32,
  i32x4_shuffle,
  type Local,
  locals,
  set,
  v128,
  when,
  whileDo,
} from "./asm.ts";
import { makeContext } from "./context.ts";

export type Elementwise = "copy" | "add" | "sub" | "mul" | "div" | "max" | "min" | "prelu";

/** How an operand lies along the innermost dimension. */
export type Inner = "beside" | "repeated" | "apart";

export interface ElementwiseKernel {
  readonly op: Elementwise;
  readonly inner: readonly Inner[]; // of the inputs (one for a copy, else two), then of the output
  readonly activation?: Activation;
  readonly fma: boolean;
}

export function elementwiseName({ op, inner, activation }: ElementwiseKernel): string {
  const f = activation ? `_${activationName(activation)}` : "";
  return `f32_${op}${f}${inner.every((lies) => lies === "beside") ? "" : `_${inner.join("_")}`}`;
}

/**
 * Parameters: a, (b,) out: addresses; n0..n3: sizes, each ≥ 1; then four strides each of a, (b,) and out, the last
 * of them for those that lie apart only; lo and hi.
 */
export function elementwise(kernel: ElementwiseKernel): Func {
  const { op, inner, activation } = kernel;
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

  return func(elementwiseName(kernel), params, (p, local) => {
    const context = makeContext(kernel.fma, local);
    const counters = locals(local, "i32", 3);
    const bases = counters.map(() => operands.map(() => local("i32"))); // the operands' addresses at each outer loop
    const left = local("i32");
    const [lo, hi, value] = locals(local, "v128", 3);
    const repeated = new Map<string, Local>(); // inputs that a row repeats
    for (const [i, name] of operands.entries()) {
      if (inner[i] === "repeated") repeated.set(name, local("v128"));
    }

    const isByLanes = !inner.includes("apart");
    const load = (name: string): Expr =>
      repeated.get(name) ?? (isByLanes ? v128.load(p[name]) : v128.load32_splat(p[name]));
    const merge = (a: Expr, b: Expr): Expr => {
      if (op === "copy") return a;
      if (op !== "prelu") return f32x4[op](a, b);
      const zero = context.constant(0);
      return f32x4.add(f32x4.pmax(a, zero), f32x4.mul(b, f32x4.pmin(a, zero)));
    };
    const merged = merge(load("a"), op === "copy" ? [] : load("b"));
    const bent = activation ? activate(activation, merged, context) : merged;
    const compute = set(value, clamp(bent, lo, hi));
    const step = (lanes: number): Code[] =>
      operands
        .filter((name) => !repeated.has(name))
        .map((name) =>
          isByLanes ? bump(p[name], lanes * 4) : set(p[name], i32.add(p[name], p[`${name}3`])),
        );
    const byLanes: Code[] = [
      whileDo(i32.gt_s(left, i32.const(3)), [
        compute,
        v128.store(p.out, value),
        ...step(4),
        bump(left, -4),
      ]),
      when(i32.gt_s(left, i32.const(0)), [
        compute,
        when(i32.gt_s(left, i32.const(1)), [
          v128.store64_lane0(p.out, value),
          set(value, i32x4_shuffle(value, value, [2, 3, 2, 3])),
          bump(p.out, 8),
        ]),
        when(i32.and(left, i32.const(1)), [v128.store32_lane0(p.out, value)]),
      ]),
    ];
    const byElement: Code[] = [
      doWhile([compute, v128.store32_lane0(p.out, value), ...step(1), bump(left, -1)], left),
    ];
    const row: Code[] = [
      set(left, p.n3),
      ...Array.from(repeated, ([name, vector]) => set(vector, v128.load32_splat(p[name]))),
      ...(isByLanes ? byLanes : byElement),
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
    return [
      set(lo, f32x4.splat(p.lo)),
      set(hi, f32x4.splat(p.hi)),
      ...context.fillConstants(),
      ...loop(0),
    ];
  });
}

export const clearName = "f32_clear";

/**
 * Zeroes `count` pieces of `bytes` bytes, a multiple of 4, `stride` bytes apart: the border of an image is three such
 * calls. Engines call out for memory.fill, which takes longer than the few stores of the lanes behind a pixel.
 */
export function clear(): Func {
  const params = { address: "i32", bytes: "i32", stride: "i32", count: "i32" } as const;
  return func(clearName, params, ({ address, bytes, stride, count }, local) => {
    const [at, end] = locals(local, "i32", 2);
    const words = [
      set(at, address),
      set(end, i32.add(address, bytes)),
      whileDo(i32.lt_u(at, end), [i32.store(at, i32.const(0)), bump(at, 4)]),
    ];
    const pieces = (piece: Code[]) =>
      doWhile([...piece, bump(address, stride), bump(count, -1)], i32.gt_s(count, i32.const(0)));
    return [when(i32.lt_u(bytes, i32.const(64)), [pieces(words)], [pieces([fillZero(address, bytes)])])];
  });
}
