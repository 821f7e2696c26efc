/**
 * float16 on the GPU, taken only where it was seen to agree with float32: both run the model once, when it is loaded,
 * on the same made-up inputs.
 */
import type { Tensors } from "../backends/backend.ts";
import { type WebgpuExecutable, type WebgpuOptions, webgpu } from "../backends/webgpu/index.ts";
import type { ExecutionPlan } from "../plan.ts";
import { testInputs, worstOf } from "./trial.ts";

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
  const inputs = testInputs(planned);
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
