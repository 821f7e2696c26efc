/** The page's hold on a session's worker: calls that never hang, whether it does not start, dies, or is ended. */
import { type Remote, wrap } from "comlink";
import { ModelError } from "./model/errors.ts";
import type { LoadOptions } from "./session.ts";
import type { WorkerApi } from "./worker.ts";

export interface SessionWorker {
  /** What `work` resolves to; rejects as soon as the worker is dead. */
  call<T>(work: (api: Remote<WorkerApi>) => Promise<T>): Promise<T>;
  /** Terminates the worker; calls under way and later ones reject with `reason`. */
  end(reason: unknown): void;
}

/** Ample for a slow network: the script is some tens of kilobytes. */
const startTimeoutMs = 30_000;

/** A worker that has answered. Rejects with an Error that says what to do where it does not start. */
export function startWorker(given: LoadOptions["worker"]): SessionWorker {
  const worker = createWorker(given);
  const api = wrap<WorkerApi>(worker);
  const watch = new AbortController();
  let [isStarted, isEnded] = [false, false];
  let end: (reason: unknown) => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    end = (reason) => {
      isEnded = true;
      worker.terminate();
      watch.abort();
      clearTimeout(timer);
      reject(reason);
    };
  });
  ended.catch(() => {}); // heard by whoever calls; nobody may
  const timer = setTimeout(
    () => end(new Error(`the worker did not answer in ${startTimeoutMs / 1000} s`)),
    startTimeoutMs,
  );
  worker.addEventListener("error", (event) => {
    const message = event.message || "its script could not be loaded";
    end(new Error(`the worker ${isStarted ? "died" : "did not start"}: ${message}`));
  });
  worker.addEventListener("messageerror", () => end(new Error("the worker sent what cannot be read")));

  const lockName = `filigree ${Math.random().toString(36).slice(2)}`;
  const started = Promise.race([api.start(lockName), ended]).then(() => {
    isStarted = true;
    clearTimeout(timer);
    // No event says that a worker closed itself or was killed for memory; its lock coming free does.
    navigator.locks
      ?.request(lockName, { signal: watch.signal }, () => end(new Error("the worker died")))
      .catch(() => {});
  });
  started.catch(() => {});

  return {
    call: async (work) => {
      // Posted at once, before anything is awaited: the inputs of a run are those of the moment.
      const result = isEnded ? ended : work(api);
      try {
        const [value] = await Promise.race([Promise.all([result, started]), ended]);
        return value;
      } catch (error) {
        throw (error as Error)?.name === "ModelError" ? new ModelError((error as Error).message) : error;
      }
    },
    end,
  };
}

function createWorker(given: LoadOptions["worker"]): Worker {
  try {
    if (given) return typeof given === "function" ? given() : given;
    return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "filigree" });
  } catch (error) {
    throw new Error(
      `the worker did not start: ${(error as Error).message}; a worker's script must come from the page's ` +
        "own origin: copy it there and give load the option worker",
    );
  }
}
