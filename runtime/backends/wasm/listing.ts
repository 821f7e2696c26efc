/** The kernels that a model would run on, as WebAssembly text: for people who want to read them. */
import { kernelNamed } from "../../../kernels-wasm/catalogue.ts";
import { assemble, type Func } from "../../../kernels-wasm/index.ts";
import { wat } from "../../../kernels-wasm/wat.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { bind } from "./bind.ts";
import { host } from "./host.ts";
import { wasm } from "./index.ts";
import { makeTuner } from "./tune.ts";

export interface ListedKernel {
  readonly name: string;
  readonly bytes: number; // of a module of it alone
  readonly steps: readonly string[]; // that call it, as profile() names them
  text(): string; // a module of it alone
}

/** Those of a model on one thread, chosen by predicted costs; nothing is tried out. */
export function kernelsOf(plan: ExecutionPlan, fma: boolean): ListedKernel[] {
  const hosting = host(plan, wasm.hosted);
  const bound = bind(hosting.plan, { threads: 1, fma, tuner: makeTuner({}, 0) });
  return bound.functions.map((func) => {
    const callers = bound.phases.filter(({ calls }) =>
      calls.flat().some(({ kernel }) => kernel === func.name),
    );
    return listed(func, [...new Set(callers.map(({ label }) => label))]);
  });
}

/** The kernel of this name, whoever would call it. */
export function findKernel(name: string, fma: boolean): ListedKernel | undefined {
  const func = kernelNamed(name, fma);
  return func && listed(func, []);
}

const memory = { pages: 1, shared: false };

function listed(func: Func, steps: readonly string[]): ListedKernel {
  const { name } = func;
  return { name, steps, bytes: assemble([func], memory).length, text: () => wat([func], memory) };
}
