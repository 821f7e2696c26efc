/** Filigree's runtime: `load` a pruned model into a worker and run it. This is what a web page imports. */
import { proxy, transfer } from "comlink";
import { fetchModel, type ModelSource } from "./download.ts";
import { type Seat, takeSeat } from "./hosts.ts";
import { checkInputs, takeBack, zeroInputs } from "./inputs.ts";
import type { Tensor } from "./model/tensor.ts";
import { makePending } from "./pending.ts";
import type { OnStep } from "./prepare.ts";
import type { LoadOptions, Session, SessionInputs } from "./session.ts";

export type { ProfileRow } from "./backends/backend.ts";
export type { BackendName } from "./backends/index.ts";
export type { ModelSource } from "./download.ts";
export { ModelError } from "./model/errors.ts";
export { type DataOf, type DType, type Shape, type Tensor, tensor } from "./model/tensor.ts";
export type {
  Capabilities,
  ImageOptions,
  ImageSource,
  LoadOptions,
  LoadProgress,
  RunInputs,
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
  const seat = takeSeat(options);
  const abort = new AbortController(); // also ends the download when the worker does not start
  const aborted = makePending();
  const onAbort = () => aborted.end(options.signal!.reason);
  options.signal?.addEventListener("abort", onAbort);
  try {
    const opened = open(source, options, seat, abort.signal);
    const [session] = await aborted.wait(() => Promise.all([opened, seat.ready]));
    return session;
  } catch (error) {
    seat.leave(error);
    abort.abort(error);
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
  }
}

async function open(
  source: ModelSource,
  options: LoadOptions,
  seat: Seat,
  signal: AbortSignal,
): Promise<Session> {
  const { onProgress, backend, precision, threads, shapes, debug, cache } = options;
  const prepareOptions = { backend, precision, threads, shapes, debug, cache };
  const { bytes, cached } = await fetchModel(source, { ...options, signal });
  const onStep: OnStep = (loaded, total, changed) => {
    if (changed) current = changed;
    else onProgress?.({ phase: "prepare", loaded, total });
  };
  const { call } = await seat.ready;
  const [info, reason] = await Promise.all([
    call((engine, id) =>
      engine.load(id, transfer(bytes, [bytes.buffer]), prepareOptions, proxy(onStep)),
    ),
    cached,
  ]);
  const { inputs, outputs, meta, memory, capabilities } = info;
  let current = reason ? { ...capabilities, reasons: [...capabilities.reasons, reason] } : capabilities;
  return {
    inputs,
    outputs,
    meta,
    memory,
    get capabilities() {
      return current;
    },

    async run(given, options = {}) {
      const { transfer: isTransferred = false, reuse } = options;
      if (Object.values(given ?? {}).some(mayBeImage)) {
        const { runOnImages } = await import("./images.ts");
        return runOnImages(given, options, { inputs, outputs, call, sent, transfer });
      }
      const tensors = checkInputs(given as SessionInputs, inputs);
      if (!reuse) return call((engine, id) => engine.run(id, sent(tensors, isTransferred)));
      const own = sent(tensors, isTransferred); // before an output that is an input too is emptied
      const moved = takeBack(reuse, outputs, isTransferred ? tensors : {});
      return call((engine, id) => engine.run(id, own, sent(moved, true)));
    },

    async profile(given, runs) {
      const tensors = given ? checkInputs(given, inputs) : zeroInputs(inputs);
      return call((engine, id) => engine.profile(id, sent(tensors, false), runs));
    },

    dispose() {
      seat.leave(new Error("the session is disposed"));
    },
  };
}

/** Neither a tensor nor an array: it has a tag of its own. */
function mayBeImage(given: unknown): boolean {
  return /Image|Frame|Canvas|Video/.test(Object.prototype.toString.call(given));
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
