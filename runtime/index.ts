/** Filigree's runtime: `load` a pruned model into a worker and run it. This is what a web page imports. */
import { proxy, transfer } from "comlink";
import { fetchModel, type ModelSource } from "./download.ts";
import { checkInputs, zeroInputs } from "./inputs.ts";
import type { Tensor } from "./model/tensor.ts";
import type { OnStep } from "./prepare.ts";
import type { LoadOptions, Session } from "./session.ts";
import { type SessionWorker, startWorker } from "./session-worker.ts";

export type { ProfileRow } from "./backends/backend.ts";
export type { ModelSource } from "./download.ts";
export { ModelError } from "./model/errors.ts";
export { type DType, type Shape, type Tensor, tensor } from "./model/tensor.ts";
export type {
  Capabilities,
  LoadOptions,
  LoadProgress,
  RunOptions,
  Session,
  SessionInputs,
  SessionMemory,
  SessionValue,
} from "./session.ts";

/**
 * A session for the model at a URL, or in bytes (which are copied) or a Response. Rejects with a ModelError where the
 * file or an option is wrong, with the signal's reason when aborted, with an Error where the download or the worker
 * fails. Until it resolves nothing else is left running.
 */
export async function load(source: ModelSource, options: LoadOptions = {}): Promise<Session> {
  options.signal?.throwIfAborted();
  const worker = startWorker(options.worker);
  const abort = new AbortController(); // also ends the download when the worker does not start
  const onAbort = () => worker.end(options.signal!.reason);
  options.signal?.addEventListener("abort", onAbort);
  try {
    return await worker.call(() => open(source, options, worker, abort.signal));
  } catch (error) {
    worker.end(error);
    abort.abort(error);
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
  }
}

async function open(
  source: ModelSource,
  options: LoadOptions,
  worker: SessionWorker,
  signal: AbortSignal,
): Promise<Session> {
  const { onProgress, backend, threads, shapes, debug, cache } = options;
  const prepareOptions = { backend, threads, shapes, debug, cache };
  const { bytes, cached } = await fetchModel(source, { ...options, signal });
  const onStep: OnStep = (loaded, total) => onProgress?.({ phase: "prepare", loaded, total });
  const [info, reason] = await Promise.all([
    worker.call((api) => api.load(transfer(bytes, [bytes.buffer]), prepareOptions, proxy(onStep))),
    cached,
  ]);
  const { inputs, outputs, meta, memory, capabilities } = info;
  const reasons = reason ? [...capabilities.reasons, reason] : capabilities.reasons;
  return {
    inputs,
    outputs,
    meta,
    memory,
    capabilities: { ...capabilities, reasons },

    async run(given, { transfer: isTransferred = false } = {}) {
      const tensors = checkInputs(given, inputs);
      return worker.call((api) => api.run(sent(tensors, isTransferred)));
    },

    async profile(given, runs) {
      const tensors = given ? checkInputs(given, inputs) : zeroInputs(inputs);
      return worker.call((api) => api.profile(sent(tensors, false), runs));
    },

    dispose() {
      worker.end(new Error("the session is disposed"));
    },
  };
}

/**
 * The inputs as they are sent. A copy is a slice that is then transferred: cloning a view would clone all of the
 * buffer behind it.
 */
function sent(tensors: Record<string, Tensor>, isTransferred: boolean): Record<string, Tensor> {
  const buffers = new Set<ArrayBuffer>();
  const own = Object.entries(tensors).map(([name, tensor]) => {
    const isMovable = isTransferred && tensor.data.buffer instanceof ArrayBuffer;
    const data = isMovable ? tensor.data : tensor.data.slice();
    buffers.add(data.buffer as ArrayBuffer);
    return [name, { ...tensor, data }];
  });
  return transfer(Object.fromEntries(own), [...buffers]);
}
