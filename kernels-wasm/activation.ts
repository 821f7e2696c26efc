/**
 * Functions of one variable on four lanes: for loops over elements, and for the ends of convolution kernels.
 *
 *   const context = makeContext(fma, local);
 *   const stored = v128.store(out, activate({ kind: "silu" }, v128.load(x), context));
 *   return [...context.fillConstants(), doWhile([stored, …], …)];
 *
 * All keep within 1e-6 of the exact value, or of 1 where that is larger; NaN stays NaN, and an infinity gives the
 * limit: silu(-Infinity) is 0.
 */
import { clamp } from "./arithmetic.ts";
import { type Code, type Expr, f32x4, type Local, set, v128 } from "./asm.ts";
import type { Context } from "./context.ts";
import { exp } from "./exp.ts";
import { log, power } from "./log.ts";
import { logistic } from "./logistic.ts";

export interface Activation {
  readonly kind: ActivationKind;
  readonly alpha?: number; // of silu, hard_sigmoid, leaky_relu, elu; the exponent of power
  readonly beta?: number; // of hard_sigmoid
}

export type ActivationKind = keyof typeof formulas;

/** "silu", "leaky_relu(0.1)": what an activation adds to a kernel's name. */
export function activationName({ kind, alpha, beta }: Activation): string {
  const numbers = [alpha, beta].filter((number) => number !== undefined);
  return numbers.length ? `${kind}(${numbers.join()})` : kind;
}

/** Code that leaves f(x). What it needs beside is the context's: constants to be filled before, temporaries. */
export function activate(activation: Activation, x: Expr, context: Context): Code {
  const input = context.temporary();
  return [...set(input, x), ...formulas[activation.kind](input, context, activation)];
}

/** Leaves f(x); may change x. */
type Formula = (x: Local, context: Context, numbers: { alpha?: number; beta?: number }) => Code;

const { add, mul, div, pmax, pmin } = f32x4;

const formulas = {
  /** 1 / (1 + e^-x) */
  sigmoid: (x, context) => logistic(x, context),

  /** x / (1 + e^-αx), α > 0. Below -88 / α, where the result is 0, x is held. */
  silu: (x, context, { alpha = 1 }) => [
    ...set(x, pmax(x, context.constant(-88 / alpha))),
    ...mul(x, logistic(x, context, { k: alpha, isHeld: true })),
  ],

  /** x (1 + erf(x / √2)) / 2, x held where erf is -1 */
  gelu(x, context) {
    const { constant: c, temporary } = context;
    const near = temporary();
    const bound = erf.end * Math.SQRT2;
    return [
      ...set(x, pmax(x, c(-bound))),
      ...set(near, pmin(x, c(bound))),
      ...mul(x, add(oddRatio(near, halfErfOfRootHalf, context), c(0.5))),
    ];
  },

  /** x (1 + tanh u) / 2 = x / (1 + e^-2u), u = √(2 / π) (x + 0.044715 x³); x held where e^-2u nears overflow */
  gelu_tanh(x, context) {
    const { constant: c, madd, temporary } = context;
    const twoU = temporary();
    const slope = Math.sqrt(8 / Math.PI);
    return [
      ...set(x, pmax(x, c(-10))),
      ...set(twoU, mul(x, madd(mul(x, x), c(0.044715 * slope), c(slope)))),
      ...mul(x, logistic(twoU, context, { isHeld: true })),
    ];
  },

  tanh: (x, context) => bounded(x, tanh, context),
  erf: (x, context) => bounded(x, erf, context),
  exp: (x, context) => exp(x, context, { full: true }),
  log: (x, context) => log(x, context),
  power: (x, context, { alpha = 1 }) => power(x, alpha, context),

  /** min(max(αx + β, 0), 1) */
  hard_sigmoid: (x, { constant: c, madd }, { alpha = 0.2, beta = 0.5 }) =>
    clamp(madd(x, c(alpha), c(beta)), c(0), c(1)),

  /** x min(max(x / 6 + 1/2, 0), 1), x held at -3 where that is 0 */
  hard_swish: (x, { constant: c, madd }) => [
    ...set(x, pmax(x, c(-3))),
    ...mul(x, pmin(madd(x, c(1 / 6), c(0.5)), c(1))),
  ],

  leaky_relu: (x, { constant: c }, { alpha = 0.01 }) =>
    v128.bitselect(mul(x, c(alpha)), x, f32x4.lt(x, c(0))),

  elu: (x, context, { alpha = 1 }) => {
    const { constant: c } = context;
    const below = mul(exp(x, context, { plus: -1 }), c(alpha));
    return v128.bitselect(below, x, f32x4.lt(x, c(0)));
  },

  /** x n / (n + 2), n = e^x (e^x + 2): x tanh(ln(1 + e^x)); e^x held where the quotient is 1 */
  mish(x, context) {
    const { constant: c, temporary } = context;
    const [e, n] = [temporary(), temporary()];
    return [
      ...set(x, pmax(x, c(-88))),
      ...set(e, exp(pmin(x, c(20)), context, { max: 20 })),
      ...set(n, mul(e, add(e, c(2)))),
      ...mul(x, div(n, add(n, c(2)))),
    ];
  },

  /** max(x, 0) + ln(1 + e^-|x|) */
  softplus(x, context) {
    const rest = context.temporary();
    return [
      ...set(rest, exp(f32x4.abs(x), context, { scale: -1, max: 0, plus: 1 })),
      ...add(pmax(x, context.constant(0)), log(rest, context)),
    ];
  },

  ceil: (x) => f32x4.ceil(x),
  floor: (x) => f32x4.floor(x),
  round: (x) => f32x4.nearest(x),
  sqrt: (x) => f32x4.sqrt(x),
  neg: (x) => f32x4.neg(x),
  abs: (x) => f32x4.abs(x),
  reciprocal: (x, { constant: c }) => div(c(1), x),
} satisfies Record<string, Formula>;

/** x P(x²) / Q(x²), fitted to an odd function for the least greatest relative error; coefficients from x⁰ on. */
interface OddRatio {
  readonly end: number; // where the function is 1 to float32's precision
  readonly top: readonly number[];
  readonly bottom: readonly number[];
}

const tanh: OddRatio = {
  end: 9,
  top: [1, 0.13381026, 3.4955885e-3, 2.06090873e-5, 1.33546668e-8],
  bottom: [1, 0.467143416, 2.58769837e-2, 3.28563537e-4, 7.7765608e-7],
};

const erf: OddRatio = {
  end: 3.95,
  top: [1.128379144, 0.191545139, 5.28747867e-2, 3.80795017e-3, 2.84684664e-4, 2.02596667e-6],
  bottom: [1, 0.503085137, 0.114557509, 1.505466031e-2, 1.170677979e-3, 3.78322568e-5],
};

const halfErfOfRootHalf: OddRatio = {
  end: erf.end * Math.SQRT2,
  top: erf.top.map((p, i) => (Math.SQRT1_2 / 2 ** (i + 1)) * p),
  bottom: erf.bottom.map((q, i) => q / 2 ** i),
};

/** The ratio, held where it has come to 1 and -1. */
function bounded(x: Local, ratio: OddRatio, context: Context): Code {
  const c = context.constant;
  return [...set(x, clamp(x, c(-ratio.end), c(ratio.end))), ...oddRatio(x, ratio, context)];
}

function oddRatio(x: Local, { top, bottom }: OddRatio, context: Context): Code {
  const square = context.temporary();
  return [
    ...set(square, mul(x, x)),
    ...div(mul(x, context.polynomial(square, top)), context.polynomial(square, bottom)),
  ];
}
