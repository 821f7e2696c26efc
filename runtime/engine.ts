/** What a worker does for the sessions that it holds: loads, runs, times and drops models. Errors cross as name and message. */
import { transfer } from "comlink";
import type { Executable, ProfileRow, Tensors } from "./backends/backend.ts";
import type { SentImages } from "./model/image.ts";
import { type OnStep, prepareModel } from "./prepare.ts";
import type { PrepareModelOptions, SessionInfo } from "./session.ts";

/** Every session has a number of its page's choice. */
export function makeEngine() {
  const executables = new Map<number, Executable>();
  const dropped = new Set<number>();
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: a run takes all threads. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  }

  function executableOf(id: number): Executable {
    const executable = executables.get(id);
    if (!executable) throw new Error("the session is disposed");
    return executable;
  }

  return {
    async load(
      id: number,
      bytes: Uint8Array,
      options: PrepareModelOptions,
      onStep: OnStep,
    ): Promise<SessionInfo> {
      const { executable, info } = await prepareModel(bytes, options, onStep);
      if (dropped.delete(id)) {
        executable.dispose();
        throw new Error("the session is disposed");
      }
      executables.set(id, executable);
      return info;
    },

    run: (id: number, inputs: Tensors, reuse?: Tensors): Promise<Tensors> =>
      inTurn(async () => moved(await executableOf(id).run(inputs, reuse))),

    /** Inputs, and pictures for the others. */
    runOnImages: (id: number, inputs: Tensors, images: SentImages, reuse?: Tensors): Promise<Tensors> =>
      inTurn(async () => {
        const { runOnImages } = await import("./pixels.ts");
        return moved(await runOnImages(executableOf(id), inputs, images, reuse));
      }),

    profile: (id: number, inputs: Tensors, runs?: number): Promise<readonly ProfileRow[]> =>
      inTurn(() => executableOf(id).profile(inputs, runs)),

    /** Frees a session, also one that is still being loaded. */
    drop: (id: number): Promise<void> =>
      inTurn(async () => {
        const executable = executables.get(id);
        if (!executable) return void dropped.add(id);
        executables.delete(id);
        executable.dispose();
      }),
  };
}

function moved(outputs: Tensors): Tensors {
  return transfer(outputs, [
    ...new Set(Object.values(outputs).map(({ data }) => data.buffer as ArrayBuffer)),
  ]);
}

export type Engine = ReturnType<typeof makeEngine>;
