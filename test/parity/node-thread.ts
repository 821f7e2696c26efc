/** A worker thread that runs a module written for a worker of the web: `addEventListener` and `postMessage` are there. */
import { parentPort, workerData } from "node:worker_threads";

Object.assign(globalThis, {
  addEventListener: (type: string, listen: (event: { data: unknown }) => void) =>
    parentPort!.on(type, (data) => listen({ data })),
  postMessage: (message: unknown) => parentPort!.postMessage(message),
});
await import(workerData);
