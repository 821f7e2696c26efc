/** Functions of one variable, element by element: Abs, Erf, Exp, Log, Neg, Reciprocal, Sqrt, Tanh. NaN stays NaN. */
import { type Tensor, zeros } from "../model/tensor.ts";
import { type AttrValues, readAttrs } from "./attributes.ts";
import { given, input } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";

export const Abs = unary(Math.abs);
export const Erf = unary(erf);
export const Exp = unary(Math.exp);
export const Log = unary(Math.log);
export const Neg = unary((x) => -x);
export const Reciprocal = unary((x) => 1 / x);
export const Sqrt = unary(Math.sqrt);
export const Tanh = unary(Math.tanh);

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
      readAttrs(node, attrs);
      return [{ dtype: "float32", shape: input(node, inputs, 0, "the input").shape }];
    },

    reference(node, inputs) {
      const values = readAttrs(node, attrs);
      return [map(given(inputs, 0), (x) => apply(x, values))];
    },
  };
}

export function map(x: Tensor, apply: (value: number) => number): Tensor {
  const y = zeros(x.shape);
  for (let i = 0; i < y.data.length; i++) y.data[i] = apply(x.data[i]);
  return y;
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
