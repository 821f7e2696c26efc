/** Where sessions run: in a worker that the page's sessions share, in one of their own, or in this thread. */
import type { Remote } from "comlink";
import type { Engine } from "./engine.ts";
import { makePending } from "./pending.ts";
import type { LoadOptions } from "./session.ts";
import { type SessionWorker, startWorker } from "./session-worker.ts";

/** A session's place in its host. */
export interface Seat {
  /** Resolves when calls can be made; rejects where the host does not start. */
  readonly ready: Promise<EngineCalls>;
  /** Ends the session: its calls reject with `reason`. The last one to leave a worker ends it. */
  leave(reason: unknown): void;
}

export interface EngineCalls {
  call<T>(work: (engine: Remote<Engine>, id: number) => Promise<T>): Promise<T>;
}

interface Host {
  readonly ready: Promise<SessionWorker>;
  seats: number;
}

/** A worker that is asked to end does so at the latest then, whatever it runs. */
const lastWordsMs = 500;

const helpersEndMs = 50;

let shared: Host | undefined;
let lastId = 0;

export function takeSeat({ worker, pool, threads }: LoadOptions): Seat {
  const mayShare = worker === undefined && typeof Worker !== "undefined";
  const isShared = mayShare && (pool ?? (threads !== 1 && globalThis.crossOriginIsolated === true));
  const host = isShared ? sharedHost() : ownHost(worker);
  host.seats++;
  const id = ++lastId;
  const pending = makePending();
  let hasLeft = false;
  return {
    ready: host.ready.then(({ call }) => ({
      call: (work) => pending.wait(() => call((engine) => work(engine, id))),
    })),
    leave(reason) {
      if (hasLeft) return;
      hasLeft = true;
      pending.end(reason);
      const isLast = --host.seats === 0;
      if (isLast && shared === host) shared = undefined;
      const left = async ({ call, end }: SessionWorker) => {
        const dropped = call((engine) => engine.drop(id)).catch(() => {}); // it is no more
        if (!isLast) return;
        // Its helpers end before it: Chromium keeps those that are under way when it ends, with all their memory.
        await Promise.race([dropped, wait(lastWordsMs)]);
        await wait(helpersEndMs);
        end(reason);
      };
      host.ready.then(left).catch(() => {});
    },
  };
}

function sharedHost(): Host {
  if (shared) return shared;
  const host: Host = { ready: startOwnScript(forget), seats: 0 };
  /** A worker that died takes its sessions along, and no others. */
  function forget() {
    if (shared === host) shared = undefined;
  }
  host.ready.catch(forget);
  shared = host;
  return host;
}

function ownHost(worker: LoadOptions["worker"]): Host {
  if (worker === false || typeof Worker === "undefined") {
    return { ready: thisThread(), seats: Number.POSITIVE_INFINITY }; // nobody is the last to leave
  }
  if (!worker) return { ready: startOwnScript(), seats: 0 };
  return { ready: startWorker(() => (typeof worker === "function" ? worker() : worker)), seats: 0 };
}

/** The worker beside this module; where a bundler left its file behind, the same from a text in the bundle. */
async function startOwnScript(onEnd?: () => void): Promise<SessionWorker> {
  try {
    // Written out in one piece: so bundlers find the script.
    return await startWorker(
      () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "filigree" }),
      onEnd,
    );
  } catch (error) {
    const { startFromText } = await import("./scripts.ts");
    return startFromText(error as Error, (create, threads) => startWorker(create, onEnd, threads));
  }
}

async function thisThread(): Promise<SessionWorker> {
  const { engine } = await import("./local.ts");
  return { call: (work) => work(engine as unknown as Remote<Engine>), end: () => {} };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
