/**
 * The GPU beside what runs anyway: imported only when it is asked for. It runs the model where it can and, asked to
 * choose, where it is faster; whatever fails, before a run or in the middle of one, ends in the other backend's
 * right answer and a sentence that says why.
 */
import { abandonGpu, webgpu, withSubgroups } from "./backends/webgpu/index.ts";
import { inTime, Late, usualDeadlines } from "./gpu/deadline.ts";
import { because, guarded, messageOf } from "./gpu/guard.ts";
import { type Prepared, prepareHalf } from "./gpu/precision.ts";
import { trySubgroups } from "./gpu/subgroups.ts";
import { shortestRuns } from "./gpu/trial.ts";
import type { GpuOptions, Taken } from "./gpu/types.ts";
import { zeroInputs } from "./inputs.ts";
import { ModelError, nodeName } from "./model/errors.ts";
import type { ExecutionPlan } from "./plan.ts";
import type { SessionValue } from "./session.ts";

/** The model on the GPU, or what `other` gives. Rejects only where `other` does. */
export async function takeGpu(
  planned: ExecutionPlan,
  options: GpuOptions,
  other: () => Promise<Taken>,
): Promise<Taken> {
  const { precision = "f32" } = options;
  if (precision !== "f32" && precision !== "f16")
    throw new ModelError(`precision is "${precision}"; expected f32 or f16`);
  const { runMs } = options.deadlines ?? usualDeadlines;
  let prepared: Prepared;
  try {
    prepared = await withBestKernels(planned, options, await prepareInTime(planned, options));
  } catch (error) {
    if (error instanceof Late) abandonGpu();
    return because(`webgpu is not used: ${messageOf(error)}`, await other());
  }
  const { executable } = prepared;
  const { name, isSoftware } = executable.adapter;
  const ownReasons = [...prepared.reasons.map((reason) => `webgpu: ${reason}`), ...whyHosted(planned)];
  if (!options.mayChoose) {
    const slow = isSoftware
      ? [`webgpu: the adapter '${name}' computes on the CPU, slower than wasm`]
      : [];
    return guarded(executable, [...slow, ...ownReasons], options, other);
  }
  if (isSoftware) {
    executable.dispose();
    return because(`webgpu is not used: the adapter '${name}' computes on the CPU`, await other());
  }
  const rival = await other();
  let [gpuMs, otherMs] = [0, 0];
  try {
    const inputs = zeroInputs(planned.graph.inputs as readonly SessionValue[]);
    const both = [executable, rival.executable] as const;
    [gpuMs, otherMs] = await shortestRuns(inputs, both, (run) => inTime(run, runMs));
  } catch (error) {
    executable.dispose();
    return because(`webgpu is not used: ${messageOf(error)}`, rival);
  }
  const is = `${rival.by.name} takes ${shown(otherMs)} a run, webgpu on '${name}' ${shown(gpuMs)}`;
  if (!(gpuMs < otherMs)) {
    executable.dispose();
    return because(`webgpu is not used: ${is}`, rival);
  }
  rival.executable.dispose();
  return guarded(executable, [`webgpu is used: ${is}`, ...ownReasons], options, other);
}

/**
 * The model on the GPU. Gives up where no kernel is compiled, and nothing else done, for as long as a run may take; what
 * comes of it later is freed.
 */
async function prepareInTime(planned: ExecutionPlan, options: GpuOptions): Promise<Prepared> {
  const { deadlines = usualDeadlines, onCompiled, choices, precision } = options;
  const { requestMs, runMs } = deadlines;
  let isLate = false;
  let timer: ReturnType<typeof setTimeout>;
  let wait = () => {};
  const late = new Promise<never>((_, reject) => {
    wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        isLate = true;
        reject(new Late(`the graphics driver did nothing for ${runMs / 1000} s`));
      }, runMs);
    };
    wait();
  });
  const backendOptions = {
    choices,
    requestMs,
    onCompiled(done: number, total: number) {
      wait();
      onCompiled?.(done, total);
    },
  };
  const preparing =
    precision === "f16"
      ? prepareHalf(planned, backendOptions, (run) => inTime(run, runMs))
      : webgpu.prepare(planned, backendOptions).then((executable) => ({ executable, reasons: [] }));
  preparing.then(
    ({ executable }) => isLate && executable.dispose(),
    () => {},
  );
  return Promise.race([preparing, late]).finally(() => clearTimeout(timer));
}

/** With subgroups or without; an adapter that computes on the CPU has nothing to gain. */
async function withBestKernels(
  planned: ExecutionPlan,
  { deadlines = usualDeadlines, choices = {} }: GpuOptions,
  { executable: plain, reasons }: Prepared,
): Promise<Prepared> {
  const { adapter, isHalf, mayBroadcast } = plain;
  if (!mayBroadcast || adapter.isSoftware || choices.subgroups) return { executable: plain, reasons };
  const rivals = { ...plain.choices, ...withSubgroups };
  const prepareRival = () => webgpu.prepare(planned, { choices: rivals, isHalf });
  const within = <T>(work: Promise<T>) => inTime(work, deadlines.runMs);
  const best = await trySubgroups(planned, plain, prepareRival, within);
  return { ...best, reasons: [...reasons, ...best.reasons] };
}

/** A sentence for each node that the GPU has no kernel for. */
function whyHosted(planned: ExecutionPlan): string[] {
  return planned.graph.nodes.flatMap((node) => {
    const why = webgpu.hosted(node, planned);
    return why ? [`${nodeName(node)} runs as a plain loop, away from the GPU: ${why}`] : [];
  });
}

const shown = (ms: number) => `${ms.toPrecision(3)} ms`;
