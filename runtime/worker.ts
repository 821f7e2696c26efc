/** The worker of a session: reads, prepares and runs one model. Errors cross as name and message. */
import { expose, transfer } from "comlink";
import type { Executable, ProfileRow, Tensors } from "./backends/backend.ts";
import { type OnStep, prepareModel } from "./prepare.ts";
import type { PrepareModelOptions, SessionInfo } from "./session.ts";

let executable: Executable | undefined;
let last: Promise<unknown> = Promise.resolve();

const api = {
  /** The handshake. Holds a lock of this name for life: whoever is granted it next knows that the worker ended. */
  async start(lockName: string): Promise<void> {
    const { locks } = navigator as Partial<Navigator>; // absent outside of secure contexts
    if (!locks) return;
    await new Promise<void>((resolve) => {
      void locks.request(lockName, () => {
        resolve();
        return new Promise(() => {});
      });
    });
  },

  async load(bytes: Uint8Array, options: PrepareModelOptions, onStep: OnStep): Promise<SessionInfo> {
    const prepared = await prepareModel(bytes, options, onStep);
    executable = prepared.executable;
    return prepared.info;
  },

  run: (inputs: Tensors): Promise<Tensors> =>
    inTurn(async () => {
      const outputs = await executable!.run(inputs);
      const buffers = new Set(Object.values(outputs).map(({ data }) => data.buffer as ArrayBuffer));
      return transfer(outputs, [...buffers]);
    }),

  profile: (inputs: Tensors, runs?: number): Promise<readonly ProfileRow[]> =>
    inTurn(() => executable!.profile(inputs, runs)),
};

export type WorkerApi = typeof api;

expose(api);

/** One after the other: a backend has one arena. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work);
  last = result.catch(() => {});
  return result;
}
