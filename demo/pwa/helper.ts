/** A worker that helps a page: its calls end when it fails, and when the page no longer wants the answer. */
import { type Remote, wrap } from "comlink";

export interface Helper<Api> {
  /** What `work` resolves to; rejects with a Stopped where the helper was ended meanwhile, with an Error where it failed. */
  call<T>(work: (api: Remote<Api>) => Promise<T>): Promise<T>;
  end(): void;
}

/** Somebody wanted it to end: nothing went wrong. */
export class Stopped extends Error {
  constructor() {
    super("stopped");
  }
}

export function helper<Api>(worker: Worker): Helper<Api> {
  const api = wrap<Api>(worker);
  let fail: (reason: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {}); // heard by whoever calls; nobody may
  worker.addEventListener("error", ({ message }) => {
    worker.terminate();
    fail(new Error(message || "a part of the app could not be loaded: connect to the network once"));
  });
  return {
    call: (work) => Promise.race([work(api), failed]),
    end() {
      worker.terminate();
      fail(new Stopped());
    },
  };
}
