/** What the user of the runtime holds and says: a session, its options, and what it could and could not do. */
import type { ProfileRow } from "./backends/backend.ts";
import type { BackendName } from "./backends/index.ts";
import type { ImageOptions } from "./model/image.ts";
import type { DType, Shape, Tensor } from "./model/tensor.ts";

export type { ImageOptions };

/** An input or output of the loaded model, all sizes known. */
export interface SessionValue {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** By name. A bare array takes the declared shape; a model of one input also takes it as `input`. */
export type SessionInputs = Readonly<
  Record<string, Tensor | Float32Array | Int32Array | Uint8Array<ArrayBufferLike>>
>;

/** A picture, from a file, a canvas or a camera. */
export type ImageSource =
  | ImageData
  | ImageBitmap
  | VideoFrame
  | OffscreenCanvas
  | HTMLCanvasElement
  | HTMLVideoElement
  | HTMLImageElement;

/** Inputs of a run: an input that is one picture also takes a picture, which the worker makes its tensor of. */
export type RunInputs = Readonly<Record<string, SessionInputs[string] | ImageSource>>;

/** What runs, and why not more. */
export interface Capabilities {
  readonly backend: BackendName; // what runs now: a GPU that fails in the middle of a run gives way to wasm
  readonly threads: number;
  readonly relaxedSimd: boolean; // fused multiply-add is used
  readonly crossOriginIsolated: boolean; // of the worker: what threads need
  readonly reasons: readonly string[]; // one sentence for each thing that fell back: threads, backend, cache
}

/** What the model occupies in its worker; while it is loaded its file is there too. */
export interface SessionMemory {
  /** Of WebAssembly memory: weights, tables, and all values of a run. It does not grow. 0 on the reference backend. */
  readonly bytes: number;
}

export interface RunOptions {
  /** Moves the inputs' buffers to the worker: nothing is copied, and the caller's arrays are empty afterwards. */
  readonly transfer?: boolean;
  /**
   * Outputs of an earlier run, all or some, that are needed no more: their memory is filled again, so that nothing is
   * allocated. It moves: these arrays are empty from the call on, and what the run resolves to holds it.
   */
  readonly reuse?: Readonly<Record<string, Tensor>>;
  /** How pictures among the inputs are read. */
  readonly image?: ImageOptions;
}

/** A model in its worker, ready to run. */
export interface Session {
  readonly inputs: readonly SessionValue[];
  readonly outputs: readonly SessionValue[];
  readonly capabilities: Capabilities;
  readonly meta: Readonly<Record<string, unknown>>; // what the file says of its making
  readonly memory: SessionMemory;
  /**
   * The outputs for these inputs, by name; the caller owns them. Inputs are copied when called, unless
   * `transfer` is set. Calls may overlap: they run in order. Rejects with a ModelError on a missing,
   * unknown or unfit input (the session stays usable), with an Error once the worker has ended. Pictures are drawn
   * in the worker; with `transfer`, frames, bitmaps and ImageData move there.
   */
  run(inputs: RunInputs, options?: RunOptions): Promise<Record<string, Tensor>>;
  /** Runs the model `runs` times (zeros where no inputs are given) and times every step. */
  profile(inputs?: SessionInputs, runs?: number): Promise<readonly ProfileRow[]>;
  /** Ends the worker and its threads. Calls under way reject. */
  dispose(): void;
}

export interface LoadProgress {
  readonly phase: "download" | "prepare";
  readonly loaded: number; // bytes of a download; steps of the preparation
  readonly total?: number; // absent where the server does not say
}

/** What the worker needs to know to prepare a model. */
export interface PrepareModelOptions {
  /**
   * Left out: the first of wasm and the reference that takes the whole model. "webgpu": the GPU, and wasm where there
   * is none or it fails. "auto": both are timed on the model, and the faster is taken. "wasm" and "reference" are used
   * or the load fails.
   */
  readonly backend?: BackendName | "auto";
  /**
   * What the GPU multiplies in. "f16" stores weights and what they are multiplied by in half as many bytes, and still adds in
   * float32; it is used where the device can and the outputs stay within a hundredth of their range (default "f32").
   */
  readonly precision?: "f32" | "f16";
  /** At most so many; by default one a core, up to 8. */
  readonly threads?: number;
  /** Sizes of inputs that the model leaves open, by input name. */
  readonly shapes?: Readonly<Record<string, Shape>>;
  /**
   * 1: the console shows the plan, the backend and why another declined. 2: also the time of every
   * operator, at the first run. 3: also every run is compared with the reference backend, and
   * rejects naming the first node that differs.
   */
  readonly debug?: 0 | 1 | 2 | 3;
  /** Keeps a downloaded model in IndexedDB, by content hash, and which kernels run it fastest here (default true). */
  readonly cache?: boolean;
}

export interface LoadOptions extends PrepareModelOptions {
  /** Aborts the download and the preparation: `load` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** "sha256-" and the base64 hash of the file: anything else is refused. */
  readonly integrity?: string;
  /** Asks the browser, when a model is cached, to keep what this origin stores; by default it may drop it. */
  readonly persist?: boolean;
  /**
   * The worker to use, where a bundler or a policy asks for another than the one beside this module; the session ends
   * it. False: none; the model runs in the thread that calls, which should be a worker itself. So it is, too, where
   * there is no Worker, as in Node.
   */
  readonly worker?: Worker | (() => Worker) | false;
  /**
   * Whether this session shares a worker and its threads with the page's other sessions: their runs take turns, each
   * on all threads. By default where threads can be had and more than one is wanted; else each has a worker of its own.
   */
  readonly pool?: boolean;
}

/** What the worker tells of a prepared model. */
export type SessionInfo = Pick<Session, "inputs" | "outputs" | "capabilities" | "meta" | "memory">;
