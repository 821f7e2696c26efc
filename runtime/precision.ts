/**
 * float16 on the GPU, taken only where it was seen to agree with float32: both run the model once, when it is loaded,
 * on the same made-up inputs.
 */
import type { Tensors } from "./backends/backend.ts";
import { type WebgpuExecutable, type WebgpuOptions, webgpu } from "./backends/webgpu/index.ts";
import { zeroInputs } from "./inputs.ts";
import type { ExecutionPlan } from "./plan.ts";
import type { SessionValue } from "./session.ts";

export interface Prepared {
  readonly executable: WebgpuExecutable;
  readonly reasons: string[];
}

/**
 * How far float16 may be off: of a float output's range, by the element that is farthest off; of an output of whole
 * numbers, the share of its elements that differ.
 */
export const halfTolerance = 0.01;

/** The model in float16, or in float32 with the reason. `within` gives up a run that takes too long. */
export async function prepareHalf(
  planned: ExecutionPlan,
  options: WebgpuOptions,
  within: <T>(work: Promise<T>) => Promise<T>,
): Promise<Prepared> {
  const whole = await webgpu.prepare(planned, options);
  const not = (why: string) => `float16 is not used: ${why}`;
  if (!whole.hasHalf) {
    return { executable: whole, reasons: [not(`'${whole.adapter.name}' has no shader-f16`)] };
  }
  const inputs = testInputs(planned.graph.inputs as readonly SessionValue[]);
  const wanted = await outputsOf(whole, () => within(whole.run(inputs)));
  whole.dispose(); // both need not fit at once
  let why: string;
  try {
    const half = await webgpu.prepare(planned, { ...options, isHalf: true });
    const { share, name } = worstOf(await outputsOf(half, () => within(half.run(inputs))), wanted);
    const is = `output '${name}' is off by ${share.toPrecision(2)} of its range`;
    if (share <= halfTolerance) return { executable: half, reasons: [`float16 is used: ${is}`] };
    half.dispose();
    why = `${is}; at most ${halfTolerance} is allowed`;
  } catch (error) {
    why = (error as Error).message;
  }
  return { executable: await webgpu.prepare(planned, options), reasons: [not(why)] };
}

/** What a run gives; where it fails, the executable is freed. */
async function outputsOf({ dispose }: WebgpuExecutable, run: () => Promise<Tensors>): Promise<Tensors> {
  try {
    return await run();
  } catch (error) {
    dispose();
    throw error;
  }
}

/** The output that is farthest off; infinitely where a value is no number, or infinite, in one of the two alone. */
function worstOf(found: Tensors, wanted: Tensors): { name: string; share: number } {
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
function testInputs(declared: readonly SessionValue[]): Tensors {
  const inputs = zeroInputs(declared);
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
