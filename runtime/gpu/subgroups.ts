/**
 * Kernels on the GPU that hand weights round in subgroups, taken only where they were seen to agree with those that do
 * not, and to be faster: which they are is the device's matter, and is tried out when a model is loaded there first.
 */
import { type WebgpuExecutable, withoutSubgroups, withSubgroups } from "../backends/webgpu/index.ts";
import type { ExecutionPlan } from "../plan.ts";
import type { Prepared } from "./precision.ts";
import { shortestRuns, testInputs, worstOf } from "./trial.ts";

/** Of an output's range: both add the same products in the same order. */
const tolerance = 1e-4;

/**
 * `plain` or its rival, which `prepareRival` makes; the other one is freed. `within` gives up work that takes too long: a
 * rival's then, and `plain` stays. Rejects, with both freed, where `plain` fails.
 */
export async function trySubgroups(
  planned: ExecutionPlan,
  plain: WebgpuExecutable,
  prepareRival: () => Promise<WebgpuExecutable>,
  within: <T>(work: Promise<T>) => Promise<T>,
): Promise<Prepared> {
  const inputs = testInputs(planned);
  const keep = (why: string): Prepared => ({
    executable: { ...plain, choices: { ...plain.choices, ...withoutSubgroups } },
    reasons: [`subgroups are not used: ${why}`],
  });
  let rival: WebgpuExecutable | undefined;
  let isGivenUp = false;
  try {
    const wanted = await within(plain.run(inputs));
    try {
      const preparing = prepareRival();
      preparing.then(
        (late) => isGivenUp && late.dispose(),
        () => {},
      );
      rival = await within(preparing);
      const { share, name } = worstOf(await within(rival.run(inputs)), wanted);
      if (!(share <= tolerance)) {
        rival.dispose();
        return keep(`output '${name}' would be off by ${share.toPrecision(2)} of its range`);
      }
    } catch (error) {
      isGivenUp = rival === undefined;
      rival?.dispose();
      return keep((error as Error).message);
    }
    const [plainMs, rivalMs] = await shortestRuns(inputs, [plain, rival], within);
    const is = `${rivalMs.toPrecision(3)} ms a run, without ${plainMs.toPrecision(3)}`;
    if (!(rivalMs < plainMs)) {
      rival.dispose();
      return keep(is);
    }
    plain.dispose();
    const choices = { ...rival.choices, ...withSubgroups };
    return { executable: { ...rival, choices }, reasons: [`subgroups are used: ${is}`] };
  } catch (error) {
    plain.dispose();
    rival?.dispose();
    throw error;
  }
}
