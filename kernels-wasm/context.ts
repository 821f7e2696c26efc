/**
 * What formulas of several instructions are written with: temporaries, constants, a multiply-add.
 *
 * A constant is a local, filled by a statement before the code that reads it: V8 reloads a spilled local in one
 * instruction, and needs three to make a vector of a number in place.
 */
import { multiplyAdd } from "./arithmetic.ts";
import { type Code, type Expr, f32, f32x4, type Local, set, type ValueType } from "./asm.ts";

export interface Context {
  temporary(): Local; // a v128
  /** The vector that holds `value` in every lane. */
  constant(value: number): Local;
  /** Statements that fill all constants asked for so far; to be placed where all their readers come after. */
  fillConstants(): Code[];
  madd(a: Expr, b: Expr, sum: Expr): Code;
  /** coefficients[0] + coefficients[1] x + …, by Horner's rule. */
  polynomial(x: Local, coefficients: readonly number[]): Expr;
}

/** `local` is what `func` gives its body. */
export function makeContext(fma: boolean, local: (type: ValueType) => Local): Context {
  const held = new Map<number, Local>(); // by their value as a float32
  const madd = multiplyAdd(fma);
  const constant = (value: number) => {
    const rounded = Math.fround(value);
    const vector = held.get(rounded) ?? local("v128");
    held.set(rounded, vector);
    return vector;
  };
  return {
    temporary: () => local("v128"),
    constant,
    fillConstants: () =>
      Array.from(held, ([value, vector]) => set(vector, f32x4.splat(f32.const(value)))),
    madd,
    polynomial: (x, coefficients) =>
      coefficients
        .map(constant)
        .reduceRight<Expr>((inner, c, i) => (i === coefficients.length - 1 ? c : madd(inner, x, c)), x),
  };
}
