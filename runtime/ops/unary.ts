/** Functions of one variable, element by element. NaN stays NaN; integers stay integers. */
import { type DType, type Tensor, zeros } from "../model/tensor.ts";
import { type AttrValues, readAttrs } from "./attributes.ts";
import { given, input } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

export const Abs = unary(Math.abs);
export const Acos = unary(Math.acos);
export const Asin = unary(Math.asin);
export const Atan = unary(Math.atan);
export const Ceil = unary(Math.ceil);
export const Cos = unary(Math.cos);
export const Erf = unary(erf);
export const Exp = unary(Math.exp);
export const Floor = unary(Math.floor);
export const Log = unary(Math.log);
export const Neg = unary((x) => -x);
export const Reciprocal = unary((x) => 1 / x);
export const Sign = unary(Math.sign);
export const Sin = unary(Math.sin);
export const Sqrt = unary(Math.sqrt);
export const Tan = unary(Math.tan);
export const Tanh = unary(Math.tanh);

/** To the nearest whole number, to the even one of two. */
export const Round = unary((x) => {
  const down = Math.floor(x);
  const above = x - down;
  return above < 0.5 || (above === 0.5 && down % 2 === 0) ? down : Math.ceil(x);
});

/** ln(1 + e^x) */
export const Softplus = unary(softplus);

/** x tanh(ln(1 + e^x)) */
export const Mish = unary((x) => x * Math.tanh(softplus(x)));

export const Not = {
  ...unary((x) => 1 - x),
  infer: (node, inputs) => [
    { dtype: "bool", shape: input(node, inputs, 0, "the input", ["bool"]).shape },
  ],
} as const satisfies Operator;

const numbers: readonly DType[] = ["float32", "int32", "uint8"];

type Attrs = Readonly<Record<string, AttrSpec>>;
type NoAttrs = Readonly<Record<never, AttrSpec>>;

/** The operator that gives `apply(x, attrs)` for each x. */
export function unary(apply: (x: number) => number): Operator & { readonly attrs: NoAttrs };
export function unary<const A extends Attrs>(
  apply: (x: number, attrs: AttrValues<A>) => number,
  attrs: A,
): Operator & { readonly attrs: A };
export function unary<const A extends Attrs>(
  apply: (x: number, attrs: AttrValues<A>) => number,
  attrs = {} as A,
): Operator & { readonly attrs: A } {
  return {
    inputs: [1, 1],
    attrs,

    infer(node, inputs) {
      const { dtype, shape } = input(node, inputs, 0, "the input", numbers);
      return [{ dtype, shape }];
    },

    reference(node, inputs) {
      const values = readAttrs(node, attrs);
      return [map(given(inputs, 0), (x) => apply(x, values))];
    },
  };
}

export function map(x: Tensor, apply: (value: number) => number): Tensor {
  const y = zeros(x.shape, x.dtype);
  for (let i = 0; i < y.data.length; i++) y.data[i] = apply(x.data[i]);
  return y;
}

function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** 2 / √π times the integral of e^-t² from 0 to x, to double precision. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x); // 1 - 2e-17
  if (a < 3) {
    // The power series: x - x³ / 3 + x⁵ / (2! 5) - …
    let sum = x;
    for (let n = 1, term = x; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  // The continued fraction of the rest: 1 - e^-a² / √π / (a + ½ / (a + 1 / (a + 1½ / (a + …
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}
