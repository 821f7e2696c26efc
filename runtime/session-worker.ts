/** The page's hold on a worker: calls that never hang, whether it does not start, dies, or is ended. */
import { type Remote, releaseProxy, wrap } from "comlink";
import type { Engine } from "./engine.ts";
import { ModelError } from "./model/errors.ts";
import { makePending } from "./pending.ts";
import type { WorkerApi } from "./worker.ts";

export interface SessionWorker {
  /** What `work` resolves to; rejects as soon as the worker is dead. */
  call<T>(work: (api: Remote<Engine>) => Promise<T>): Promise<T>;
  /** Terminates the worker; calls under way and later ones reject with `reason`. */
  end(reason: unknown): void;
}

/** Ample for a slow network: the script is some tens of kilobytes. */
const startTimeoutMs = 30_000;

/**
 * A worker that has answered. Rejects with an Error where it does not start. `onEnd` is told once, when the worker is
 * no more. `threadScript` is the address of its helpers' script, where that does not lie beside its own.
 */
export async function startWorker(
  create: () => Worker,
  onEnd: () => void = () => {},
  threadScript?: string,
): Promise<SessionWorker> {
  const worker = create();
  const api = wrap<WorkerApi>(worker);
  const watch = new AbortController();
  const pending = makePending();
  let isStarted = false;
  const end = (reason: unknown) => {
    if (watch.signal.aborted) return;
    watch.abort();
    worker.terminate();
    api[releaseProxy](); // else comlink, which waits for it to be garbage, holds the worker, and that holds it
    clearTimeout(timer);
    pending.end(reason);
    onEnd();
  };
  const timer = setTimeout(() => end(new Error("the worker did not answer in 30 s")), startTimeoutMs);
  worker.addEventListener("error", (event) => {
    const message = event.message || "its script could not be loaded";
    end(new Error(`the worker ${isStarted ? "died" : "did not start"}: ${message}`));
  });
  worker.addEventListener("messageerror", () => end(new Error("the worker sent what cannot be read")));

  const lockName = `filigree ${Math.random().toString(36).slice(2)}`;
  await pending.wait(() => api.start(lockName, threadScript));
  isStarted = true;
  clearTimeout(timer);
  // No event says that a worker closed itself or was killed for memory; its lock coming free does.
  navigator.locks
    ?.request(lockName, { signal: watch.signal }, () => end(new Error("the worker died")))
    .catch(() => {});

  return {
    call: async (work) => {
      try {
        // Posted at once, before anything is awaited: the inputs of a run are those of the moment.
        return await pending.wait(() => work(api as unknown as Remote<Engine>));
      } catch (error) {
        throw (error as Error)?.name === "ModelError" ? new ModelError((error as Error).message) : error;
      }
    },
    end,
  };
}
