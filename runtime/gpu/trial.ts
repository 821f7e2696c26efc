/** Two executables of a model against each other, when it is loaded: do they agree, and which is faster? */
import type { Executable, Tensors } from "../backends/backend.ts";
import { zeroInputs } from "../inputs.ts";
import type { ExecutionPlan } from "../plan.ts";
import type { SessionValue } from "../session.ts";

const mostTrialMs = 300;

/**
 * Milliseconds of the shortest of several runs of each, by turns for 0.3 s, after one that is not counted. `within` gives
 * up a run that takes too long.
 */
export async function shortestRuns(
  inputs: Tensors,
  executables: readonly [Executable, Executable],
  within: <T>(run: Promise<T>) => Promise<T>,
): Promise<[number, number]> {
  const best: [number, number] = [Infinity, Infinity];
  for (const executable of executables) await within(executable.run(inputs));
  const start = performance.now();
  do {
    for (const [i, executable] of executables.entries()) {
      const before = performance.now();
      await within(executable.run(inputs));
      best[i] = Math.min(best[i], performance.now() - before);
    }
  } while (performance.now() - start < mostTrialMs - best[0] - best[1]);
  return best;
}

/**
 * The output that is farthest off: of floats, by the element that is farthest off, as a share of the output's range; of
 * whole numbers, the share of elements that differ. Infinitely where a value is no number, or infinite, in one alone.
 */
export function worstOf(found: Tensors, wanted: Tensors): { name: string; share: number } {
  const shares = Object.entries(wanted).map(([name, { dtype, data }]) => ({
    name,
    share: (dtype === "float32" ? shareOff : shareDifferent)(found[name].data, data),
  }));
  return shares.reduce((worst, next) => (next.share > worst.share ? next : worst));
}

function shareOff(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [least, most, worst] = [Infinity, -Infinity, 0];
  for (let i = 0; i < wanted.length; i++) {
    if (Object.is(found[i], wanted[i])) continue;
    const off = Math.abs(found[i] - wanted[i]);
    worst = Math.max(worst, Number.isNaN(off) ? Infinity : off);
  }
  for (let i = 0; i < wanted.length; i++) {
    if (!Number.isFinite(wanted[i])) continue;
    least = Math.min(least, wanted[i]);
    most = Math.max(most, wanted[i]);
  }
  if (worst === 0) return 0;
  const range = most - least;
  return worst / (range > 0 ? range : Math.abs(most) || 1); // of one value: its size
}

function shareDifferent(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let different = 0;
  for (let i = 0; i < wanted.length; i++) if (found[i] !== wanted[i]) different++;
  return different / Math.max(1, wanted.length);
}

/** The same numbers each time: float32 from -1.7 to 1.7, as normalised pictures have them; bytes 0 to 255; else 0. */
export function testInputs({ graph }: ExecutionPlan): Tensors {
  const inputs = zeroInputs(graph.inputs as readonly SessionValue[]);
  let state = 1;
  for (const { dtype, data } of Object.values(inputs)) {
    if (dtype !== "float32" && dtype !== "uint8") continue;
    for (let i = 0; i < data.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator
      const unit = state / 2 ** 32;
      data[i] = dtype === "float32" ? 3.4 * unit - 1.7 : Math.floor(256 * unit);
    }
  }
  return inputs;
}
