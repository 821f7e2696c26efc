/**
 * The wasm backend's threads in Node: the Worker of the web, made of a worker thread. What the backend asks of a
 * worker and no more: one module, messages there and back, an end.
 */
import { Worker as Thread } from "node:worker_threads";

/** From here on the backend finds workers and memory to share with them. */
export function offerThreads(): void {
  Object.assign(globalThis, { Worker: NodeWorker, crossOriginIsolated: true });
}

class NodeWorker {
  onmessage?: (event: { data: unknown }) => void;
  onerror?: (event: { message: string }) => void;
  readonly #thread: Thread;

  constructor(address: URL) {
    this.#thread = new Thread(readingTypeScript(new URL("./node-thread.ts", import.meta.url)), {
      eval: true,
      workerData: address.href,
    });
    this.#thread.on("message", (data) => this.onmessage?.({ data }));
    this.#thread.on("error", ({ message }) => this.onerror?.({ message }));
  }

  postMessage(message: unknown): void {
    this.#thread.postMessage(message);
  }

  terminate(): void {
    void this.#thread.terminate();
  }
}

/** A script for a thread that runs a module of TypeScript: Node's own threads do not read it. */
function readingTypeScript(module: URL): string {
  const tsx = import.meta.resolve("tsx/esm/api");
  return `import("${tsx}").then(({ register }) => { register(); return import("${module}"); });`;
}
