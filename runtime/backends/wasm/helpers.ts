/**
 * The helper threads of this worker: one set for all of its executables, of which one has them at a time. A helper
 * serves an executable until it is called away, and then hears its messages. Whoever runs takes the helpers first.
 */
import { callAway, callBack, type ThreadStart } from "./threads.ts";

/** An executable's claim on the helpers. */
export interface Crew {
  /** Resolves once the helpers have the kernels; rejects where one cannot start. */
  start(start: ThreadStart): Promise<void>;
  /** Makes the helpers come to this executable. They may come late: a run does not wait for them. */
  take(): void;
  /** Lets go of the kernels and the memory; the last crew ends the helpers. */
  dispose(): void;
}

/** To a helper: the kernels of a new crew; the crew to serve; a crew that is no more. */
export type HelperMessage =
  | { readonly crew: number; readonly start: ThreadStart }
  | { readonly crew: number; readonly runs: number }
  | { readonly crew: number; readonly isOver: true };

interface Helper {
  readonly worker: Worker;
  readonly waiting: Map<number, { resolve(): void; reject(error: Error): void }>; // by crew
  error?: Error; // why it is no more
}

const helpers: Helper[] = [];
let scriptAddress: string | undefined;
let crews = 0; // that live
let lastCrew = 0;
let current: { readonly crew: number; away(): void } | undefined;

/** Where the helpers' script is, if not beside this one. */
export function setThreadScript(address: string | undefined): void {
  scriptAddress = address;
}

/** So many helpers for an executable that is being made. Those that are missing begin to load. */
export function makeCrew(count: number): Crew {
  const crew = ++lastCrew;
  while (helpers.length < count) helpers.push(createHelper());
  const own = helpers.slice(0, count);
  if (count > 0) crews++;
  let isOver = count === 0;
  let started: ThreadStart | undefined;

  return {
    async start(start) {
      started = start;
      callCurrentAway(); // or they would not hear
      await Promise.all(own.map((helper) => hand(helper, { crew, start })));
    },

    take() {
      if (isOver || current?.crew === crew || !started) return;
      callCurrentAway();
      const start = started;
      current = { crew, away: () => callAway(start) };
      const message: HelperMessage = { crew, runs: callBack(start) };
      for (const { worker } of own) worker.postMessage(message);
    },

    dispose() {
      if (isOver) return;
      isOver = true;
      if (current?.crew === crew) callCurrentAway();
      for (const { worker } of own) worker.postMessage({ crew, isOver: true } satisfies HelperMessage);
      if (--crews === 0) for (const { worker } of helpers.splice(0)) worker.terminate();
    },
  };
}

/** Resolves when the helper has made the kernels its own. */
function hand({ worker, waiting, error }: Helper, message: HelperMessage): Promise<void> {
  if (error) return Promise.reject(error);
  worker.postMessage(message);
  return new Promise((resolve, reject) => waiting.set(message.crew, { resolve, reject }));
}

function callCurrentAway(): void {
  current?.away();
  current = undefined;
}

function createHelper(): Helper {
  const worker = scriptAddress
    ? new Worker(scriptAddress, { type: "module", name: "filigree thread" })
    : new Worker(new URL("./thread.ts", import.meta.url), { type: "module", name: "filigree thread" });
  const helper: Helper = { worker, waiting: new Map() };
  worker.onmessage = ({ data: crew }: MessageEvent<number>) => {
    helper.waiting.get(crew)?.resolve();
    helper.waiting.delete(crew);
  };
  worker.onerror = ({ message }) => {
    const why = message || "its script could not be loaded";
    helper.error = new Error(`a thread of the wasm backend did not start: ${why}`);
    for (const { reject } of helper.waiting.values()) reject(helper.error);
    const at = helpers.indexOf(helper);
    if (at >= 0) helpers.splice(at, 1);
    worker.terminate();
  };
  return helper;
}
