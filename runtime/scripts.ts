/**
 * The scripts of the workers as text, for bundles that left the files behind: Rollup and esbuild do not follow
 * `new URL("./worker.js", import.meta.url)`. Downloaded only where the files are missing. The build puts the texts in.
 */
import type { SessionWorker } from "./session-worker.ts";

declare const WORKER_SCRIPT: string;
declare const THREAD_SCRIPT: string;

/** Starts the worker from its text; `why` says why its file did not start. Rejects with what to do. */
export async function startFromText(
  why: Error,
  start: (create: () => Worker, threadScript: string) => Promise<SessionWorker>,
): Promise<SessionWorker> {
  try {
    const address = addressOf(WORKER_SCRIPT);
    const create = () => new Worker(address, { type: "module", name: "filigree" });
    return await start(create, addressOf(THREAD_SCRIPT));
  } catch {
    throw new Error(
      `${why.message}; it must come from the page's own origin, as JavaScript, and the page's policy must allow it ` +
        "(worker-src 'self'): copy worker.js and thread.js of the package there, and give load the option " +
        'worker: () => new Worker("/worker.js", { type: "module" })',
    );
  }
}

function addressOf(script: string): string {
  return URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
}
