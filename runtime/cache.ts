/**
 * Models kept in IndexedDB by content hash, and verified on the way out. The database "filigree" holds
 * bytes under their SHA-256 and one record, "urls", of what was where, and when it was used last. Where the
 * database is full, the models used the longest ago make room; where it is missing or takes nothing, memory stands in
 * for as long as the page lives.
 */
import { createStore, del, delMany, get, keys, set, type UseStore, update } from "idb-keyval";
import { digest, hex } from "./model/sha256.ts";
import type { UrlRecord, Validators } from "./room.ts";

export type { Validators } from "./room.ts";

export interface CachedModel extends UrlRecord {
  readonly bytes: Uint8Array<ArrayBuffer>; // a copy: the caller's to keep
}

const memoryBytes = new Map<string, Uint8Array<ArrayBuffer>>(); // by hash
const memoryUrls = new Map<string, UrlRecord>();

/** The model last kept for this URL, whole and unchanged. */
export async function findByUrl(url: string): Promise<CachedModel | undefined> {
  const record = memoryUrls.get(url) ?? (await readUrls())[url];
  const found = record && (await findByHash(record.hash));
  return found && { ...record, bytes: found.bytes };
}

export async function findByHash(hash: string): Promise<CachedModel | undefined> {
  const inMemory = memoryBytes.get(hash)?.slice();
  const bytes = inMemory ?? (await attempt(() => get<Uint8Array<ArrayBuffer>>(hash, store())));
  if (!(bytes instanceof Uint8Array)) return undefined;
  if (hex(await digest(bytes)) === hash) {
    void attempt(() => updateUrls((urls) => markUsed(urls, hash)));
    return { hash, bytes, length: bytes.length, etag: null, lastModified: null };
  }
  memoryBytes.delete(hash);
  await attempt(() => del(hash, store()));
  return undefined;
}

/** Keeps `bytes` (which become the cache's), and forgets what no URL leads to any more. Resolves to why it is kept in memory only, if so. */
export async function keep(
  bytes: Uint8Array<ArrayBuffer>,
  from: Validators,
): Promise<string | undefined> {
  const { url, etag, lastModified } = from;
  const hash = hex(await digest(bytes));
  const record = { hash, length: bytes.length, etag, lastModified };
  try {
    await set(hash, bytes, store()).catch(async (error) => {
      const { setMakingRoom } = await import("./room.ts");
      await setMakingRoom(error, hash, bytes, url, store());
    });
    await updateUrls((urls) => ({ ...urls, [url]: { ...record, usedAt: Date.now() } }));
    memoryUrls.delete(url);
    const used = new Set(Object.values(await readUrls()).map((each) => each.hash));
    await delMany(
      (await keys<string>(store())).filter((key) => key !== "urls" && !used.has(key)),
      store(),
    );
    return undefined;
  } catch (error) {
    memoryBytes.set(hash, bytes);
    memoryUrls.set(url, record);
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return `the model is cached in memory only, for as long as the page lives: IndexedDB says ${why}`;
  }
}

/** Whether an answer of the server, before its body is read, tells that nothing has changed. */
export function isSameVersion(known: CachedModel, { headers }: Response): boolean {
  const etag = headers.get("etag");
  if (etag || known.etag) return etag === known.etag;
  const lastModified = headers.get("last-modified");
  const length = headers.get("content-length");
  return lastModified !== null && lastModified === known.lastModified && Number(length) === known.length;
}

function markUsed(urls: Record<string, UrlRecord>, hash: string): Record<string, UrlRecord> {
  const marked = Object.entries(urls).map(
    ([url, record]) => [url, record.hash === hash ? { ...record, usedAt: Date.now() } : record] as const,
  );
  return Object.fromEntries(marked);
}

function updateUrls(change: (urls: Record<string, UrlRecord>) => Record<string, UrlRecord>) {
  return update<Record<string, UrlRecord>>("urls", (urls = {}) => change(urls), store());
}

let opened: UseStore | undefined;

/** Opened at first use: a page that caches nothing makes no database. */
function store(): UseStore {
  opened ??= createStore("filigree", "models");
  return opened;
}

async function readUrls(): Promise<Record<string, UrlRecord>> {
  return (await attempt(() => get<Record<string, UrlRecord>>("urls", store()))) ?? {};
}

/** A cache that cannot be read is empty. */
async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch {
    return undefined;
  }
}
