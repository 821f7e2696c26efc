/**
 * The GPU beside what runs anyway: imported only when it is asked for. It runs the model where it can and, asked to
 * choose, where it is faster; whatever fails, before a run or in the middle of one, ends in the other backend's
 * right answer and a sentence that says why.
 */
import type { Backend, Choices, Executable, Tensors } from "./backends/backend.ts";
import { abandonGpu, webgpu, withSubgroups } from "./backends/webgpu/index.ts";
import { inTime, Late } from "./deadline.ts";
import { zeroInputs } from "./inputs.ts";
import { ModelError, nodeName } from "./model/errors.ts";
import { tensorsOf } from "./pixels.ts";
import type { ExecutionPlan } from "./plan.ts";
import { type Prepared, prepareHalf } from "./precision.ts";
import type { SessionValue } from "./session.ts";
import { trySubgroups } from "./subgroups.ts";
import { shortestRuns } from "./trial.ts";

/** A backend that has taken the model. */
export interface Taken {
  readonly executable: Executable;
  readonly by: Backend;
  readonly reasons: string[];
}

export interface GpuOptions {
  /** Is the faster one wanted, or the GPU? */
  readonly mayChoose: boolean;
  readonly choices?: Choices; // of an earlier time on this device
  readonly precision?: "f32" | "f16";
  readonly deadlines?: Deadlines;
  /** How many of the kernels are compiled. */
  onCompiled?(done: number, total: number): void;
  /** The GPU has failed and another backend goes on: heard before the run that it failed in resolves. */
  onChange?(taken: Taken): void | Promise<void>;
}

/** A driver that hangs is given up. */
export interface Deadlines {
  readonly requestMs?: number; // of an adapter, of a device; by default the backend's
  readonly runMs: number; // of a run, of a kernel's compilation: the slowest real ones on a software adapter are shorter
}

const usualDeadlines: Deadlines = { runMs: 120_000 };

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

/** The GPU's executable, which another replaces when it fails: the run is repeated there, and all later ones go there. */
function guarded(
  gpu: Executable,
  reasons: string[],
  { onChange, deadlines = usualDeadlines }: GpuOptions,
  other: () => Promise<Taken>,
): Taken {
  let current: Executable = gpu;
  let isDisposed = false;
  const replace = async (error: unknown): Promise<void> => {
    gpu.dispose();
    if (error instanceof Late) abandonGpu(); // nobody else should wait for it
    const taken = await other();
    if (isDisposed) {
      taken.executable.dispose();
      throw error;
    }
    current = taken.executable;
    const why = `webgpu failed: ${messageOf(error)}; ${taken.by.name} repeated the run and goes on`;
    await onChange?.(because(why, taken));
  };
  const doing = async <T>(work: (executable: Executable) => Promise<T>, runs = 1): Promise<T> => {
    if (current !== gpu) return work(current);
    try {
      return await inTime(work(gpu), runs * deadlines.runMs);
    } catch (error) {
      if ((error as Error).name === "ModelError" || isDisposed) throw error; // the inputs are wrong
      await replace(error);
      return work(current);
    }
  };
  const executable: Executable = {
    ...gpu,
    run: (inputs: Tensors) => doing((each) => each.run(inputs)),
    runOnImages: (inputs, images) =>
      doing(
        (each) => each.runOnImages?.(inputs, images) ?? each.run({ ...inputs, ...tensorsOf(images) }),
      ),
    profile: (inputs, runs = 5) => doing((each) => each.profile(inputs, runs), 2 * runs + 2),
    dispose() {
      isDisposed = true;
      current.dispose();
    },
  };
  return { executable, by: webgpu, reasons };
}

/** A sentence for each node that the GPU has no kernel for. */
function whyHosted(planned: ExecutionPlan): string[] {
  return planned.graph.nodes.flatMap((node) => {
    const why = webgpu.hosted(node, planned);
    return why ? [`${nodeName(node)} runs as a plain loop, away from the GPU: ${why}`] : [];
  });
}

function because(reason: string, taken: Taken): Taken {
  return { ...taken, reasons: [reason, ...taken.reasons] };
}

const shown = (ms: number) => `${ms.toPrecision(3)} ms`;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
