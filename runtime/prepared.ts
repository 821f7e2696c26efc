/**
 * What a model was prepared to, kept in IndexedDB by remember.ts: generated kernels, packed weights, the calls of a run.
 * It is taken again for the same model, options, browser and build of this code, and only if it still has the hash that it
 * was written with. Where there is no database, nothing is remembered.
 */
import { createStore, get, type UseStore } from "idb-keyval";
import { isCrossOriginIsolated } from "./capabilities.ts";
import { digest, hex } from "./model/sha256.ts";
import type { PrepareModelOptions, SessionInfo } from "./session.ts";

export interface Prepared {
  readonly info: SessionInfo;
  readonly image: Uint8Array; // for the backend that `info` names
}

/** Identifies the code that is built: build.ts puts it here. Code that is not built remembers nothing. */
declare const __FILIGREE_BUILD__: string | undefined;
const build = typeof __FILIGREE_BUILD__ === "string" ? __FILIGREE_BUILD__ : undefined;

/** What lies under a key: the hash of `bytes`, which are the length of the info, the info as JSON, and the image. */
export interface Entry {
  readonly hash: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The key of a model (a modelHash) under these options on this device; undefined where nothing is to be remembered, as
 * where the GPU is wanted: it may be there the next time. A new version of the browser may run the same kernels at other
 * speeds.
 */
export function preparedKey(model: string, options: PrepareModelOptions): string | undefined {
  const { cache, debug, backend = "wasm", threads, shapes = {} } = options;
  if (build === undefined || cache === false || debug || backend !== "wasm") return undefined;
  const { userAgent, hardwareConcurrency } = globalThis.navigator ?? {};
  const device = [userAgent, hardwareConcurrency, isCrossOriginIsolated()];
  return JSON.stringify([build, model, threads ?? "all", shapes, device]);
}

export async function recallPrepared(key: string): Promise<Prepared | undefined> {
  try {
    const entry = await get<Partial<Entry> | null>(key, store());
    if (!(entry?.bytes instanceof Uint8Array)) return undefined;
    const { bytes } = entry;
    if (hex(await digest(bytes)) !== entry.hash) return undefined;
    const end = 4 + new DataView(bytes.buffer).getUint32(0, true);
    const info: SessionInfo = JSON.parse(new TextDecoder().decode(bytes.subarray(4, end)));
    return { info, image: bytes.subarray(end) };
  } catch {
    return undefined;
  }
}

let opened: UseStore | undefined;

export function store(): UseStore {
  opened ??= createStore("filigree-prepared", "prepared");
  return opened;
}
