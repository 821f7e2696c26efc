/**
 * What is done to a sum before it is stored: an addend (the residual), an activation, a clamp.
 *
 *   y = clamp(f(sum + residual))   or, where the residual is added last,   y = clamp(f(sum) + residual)
 *
 * Behind an activation the clamp is left out unless asked for: it is seldom there, and a sixth of what SiLU takes.
 */
import { type Activation, activate, activationName } from "./activation.ts";
import { clamp } from "./arithmetic.ts";
import { type Expr, f32x4, set } from "./asm.ts";
import type { Context } from "./context.ts";

export interface Epilogue {
  readonly residual: boolean;
  readonly activation?: Activation;
  readonly addsLast?: boolean; // the residual comes behind the activation
  readonly clamps?: boolean; // there is a clamp behind the activation; without an activation there always is
}

/** "_add_silu": what a kernel's name says of it. */
export function epilogueName({ residual, activation, addsLast, clamps }: Epilogue): string {
  const add = residual ? "_add" : "";
  const f = activation ? `_${activationName(activation)}` : "";
  return (addsLast ? f + add : add + f) + (activation && clamps ? "_clamp" : "");
}

/** Makes the code that leaves y; `lo` and `hi` are vectors. The activation's constants are the context's. */
export function makeEpilogue(
  { residual, activation, addsLast, clamps }: Epilogue,
  lo: Expr,
  hi: Expr,
  context: Context,
): (sum: Expr, addend?: Expr) => Expr {
  const value = context.temporary();
  const f = activation && activate(activation, value, context);
  return (sum, addend) => {
    const addsFirst = residual && addend && !addsLast;
    const first = addsFirst ? f32x4.add(sum, addend) : sum;
    const bent: Expr = f ? [...set(value, first), ...f] : first;
    const result = residual && addend && addsLast ? f32x4.add(bent, addend) : bent;
    return activation && !clamps ? result : clamp(result, lo, hi);
  };
}
