/** Room for cached models: asked of the browser, or made by forgetting the models that were used the longest ago. */
import { del, get, set, type UseStore, update } from "idb-keyval";

/** What a server says of a version of a file. */
export interface Validators {
  readonly url: string;
  readonly etag: string | null;
  readonly lastModified: string | null;
}

/** What the cache knows of a URL. */
export interface UrlRecord extends Omit<Validators, "url"> {
  readonly hash: string;
  readonly length: number;
  readonly usedAt?: number; // ms since 1970
}

/**
 * Sets `bytes` under `hash`, which `error` kept from being set. What `url` led to before goes last. Rejects with the
 * error where it is not about room, or where all the room there is would not do.
 */
export async function setMakingRoom(
  error: unknown,
  hash: string,
  bytes: Uint8Array<ArrayBuffer>,
  url: string,
  store: UseStore,
): Promise<void> {
  const { quota = Number.POSITIVE_INFINITY } = (await navigator.storage?.estimate?.()) ?? {};
  if ((error as Error)?.name !== "QuotaExceededError" || bytes.length > quota) throw error;
  const urls = (await get<Record<string, UrlRecord>>("urls", store)) ?? {};
  const usedAt = (key: string) => (key === url ? Number.POSITIVE_INFINITY : (urls[key].usedAt ?? 0));
  const oldest = Object.keys(urls).sort((a, b) => usedAt(a) - usedAt(b))[0];
  if (oldest === undefined) throw error;
  const { [oldest]: forgotten, ...rest } = urls;
  await update("urls", () => rest, store);
  const isShared = Object.values(rest).some((record) => record.hash === forgotten.hash);
  if (!isShared) await del(forgotten.hash, store);
  try {
    await set(hash, bytes, store);
  } catch (still) {
    await setMakingRoom(still, hash, bytes, url, store);
  }
}

/** Asks the browser not to drop what this origin stores. */
export async function whyNotPersisted(): Promise<string | undefined> {
  const isGranted = await navigator.storage?.persist?.().catch(() => false);
  return isGranted
    ? undefined
    : "the browser may drop the cached model when space gets short: it did not grant to persist";
}
