/** A model on the GPU that another backend takes over when it fails there, in the middle of a run too. */
import type { Executable, Tensors } from "../backends/backend.ts";
import { abandonGpu, webgpu } from "../backends/webgpu/index.ts";
import { tensorsOf } from "../model/pixels.ts";
import { inTime, Late, usualDeadlines } from "./deadline.ts";
import type { GpuOptions, Taken } from "./types.ts";

/** The run in which the GPU fails is repeated by `other`, and all later ones go there. */
export function guarded(
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

/** The reason before those that are there. */
export function because(reason: string, taken: Taken): Taken {
  return { ...taken, reasons: [reason, ...taken.reasons] };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
