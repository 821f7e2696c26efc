/** The bytes of a model, wherever they come from: one buffer of our own, with progress, checked for integrity. */
import {
  type CachedModel,
  findByHash,
  findByUrl,
  isSameVersion,
  keep,
  type Validators,
} from "./cache.ts";
import { ModelError } from "./model/errors.ts";
import { digest, hex } from "./model/sha256.ts";
import type { LoadOptions } from "./session.ts";

/** A string is a URL, relative to the page. */
export type ModelSource = string | URL | ArrayBuffer | Uint8Array<ArrayBufferLike> | Blob | Response;

export interface Download {
  readonly bytes: Uint8Array<ArrayBuffer>; // all of its buffer, which is nobody else's
  readonly cached: Promise<string | undefined>; // resolves, once it is cached, to why it is not or why it is used
}

type DownloadOptions = Pick<LoadOptions, "signal" | "onProgress" | "cache" | "integrity" | "persist">;

export async function fetchModel(source: ModelSource, options: DownloadOptions): Promise<Download> {
  const integrity = parseIntegrity(options.integrity);
  const download =
    typeof source === "string" || source instanceof URL
      ? await fetchUrl(
          new URL(source, globalThis.document?.baseURI ?? globalThis.location?.href),
          integrity,
          options,
        )
      : { bytes: await readSource(source, options) };
  if (integrity) {
    const found = hex(await digest(download.bytes));
    if (found !== integrity) {
      throw new ModelError(`integrity: the SHA-256 of the model is ${found}; expected ${integrity}`);
    }
  }
  const { bytes, keepAs, reason } = { keepAs: undefined, reason: undefined, ...download };
  if (!keepAs) return { bytes, cached: Promise.resolve(reason) };
  const asked = options.persist && import("./room.ts").then(({ whyNotPersisted }) => whyNotPersisted());
  const kept = keep(bytes.slice(), keepAs);
  return { bytes, cached: kept.then((why) => why ?? (asked || undefined)) };
}

interface Fetched {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly keepAs?: Validators;
  readonly reason?: string;
}

/** From the cache where the server, or the hash that was asked for, says that it is the same; else from the network. */
async function fetchUrl(
  url: URL,
  integrity: string | undefined,
  options: DownloadOptions,
): Promise<Fetched> {
  const isCached = options.cache !== false && /^https?:$/.test(url.protocol);
  const fromCache = ({ bytes }: CachedModel, reason?: string): Fetched => {
    options.onProgress?.({ phase: "download", loaded: bytes.length, total: bytes.length });
    return { bytes, reason };
  };
  const byHash = isCached && integrity ? await findByHash(integrity) : undefined;
  if (byHash) return fromCache(byHash);
  const known = isCached ? await findByUrl(url.href) : undefined;
  let response: Response;
  try {
    response = await fetch(url, { signal: options.signal, headers: conditional(url, known) });
  } catch (error) {
    if (known && !options.signal?.aborted)
      return fromCache(known, `${url} cannot be reached: the cached model is used`);
    if (error instanceof TypeError) throw new Error(`${url} cannot be reached: ${error.message}`);
    throw error;
  }
  if (known && (response.status === 304 || (response.ok && isSameVersion(known, response)))) {
    await response.body?.cancel();
    return fromCache(known);
  }
  if (known && response.status >= 500) {
    return fromCache(known, `${url} answered ${response.status}: the cached model is used`);
  }
  const { headers } = response;
  const rest = (from: number) =>
    fetch(url, { signal: options.signal, headers: range(url, headers, from) });
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readResponse(response, options, rest);
  } catch (error) {
    if (!known || !response.ok || options.signal?.aborted) throw error;
    return fromCache(known, `${(error as Error).message}: the cached model is used`);
  }
  const keepAs = {
    url: url.href,
    etag: headers.get("etag"),
    lastModified: headers.get("last-modified"),
  };
  return isCached ? { bytes, keepAs } : { bytes };
}

/** Only within the origin: elsewhere these headers would cost a question in advance, and often a refusal. */
function conditional(url: URL, known: CachedModel | undefined): Record<string, string> {
  if (!known || url.origin !== globalThis.location?.origin) return {};
  if (known.etag) return { "If-None-Match": known.etag };
  return known.lastModified ? { "If-Modified-Since": known.lastModified } : {};
}

/** Asks for the rest of this very version; of another origin without a condition, and of a version unknown for all. */
function range(url: URL, headers: Headers, from: number): Record<string, string> {
  if (from === 0) return {};
  const etag = headers.get("etag");
  const version = etag && !etag.startsWith("W/") ? etag : headers.get("last-modified");
  if (!version) return {};
  const isOurs = url.origin === globalThis.location?.origin;
  return { Range: `bytes=${from}-`, ...(isOurs ? { "If-Range": version } : {}) };
}

async function readSource(
  source: Exclude<ModelSource, string | URL>,
  options: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  if (source instanceof Response) return readResponse(source, options);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (source instanceof ArrayBuffer) return new Uint8Array(source.slice(0));
  if (ArrayBuffer.isView(source)) return new Uint8Array(source);
  throw new ModelError(
    `a model is loaded from a URL, bytes, a Blob or a Response, not from ${typeof source}`,
  );
}

/**
 * Reads the body into one buffer, which has the right size from the start where the server tells it. Where the
 * connection breaks, `rest` asks for what is missing from a byte on; an answer that is not that part starts anew, so
 * many times.
 */
async function readResponse(
  response: Response,
  options: DownloadOptions,
  rest?: (from: number) => Promise<Response>,
  restarts = 3,
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal, onProgress } = options;
  const where = response.url || "the response";
  if (!response.ok) throw new Error(`${where} answered ${response.status} ${response.statusText}`);
  const { headers } = response;
  // The length of a compressed body is not that of the model.
  const told = headers.has("content-encoding") ? 0 : Number(headers.get("content-length"));
  const total = told || undefined;
  let buffer = new Uint8Array(Math.min(told, maxTrustedBytes));
  let loaded = 0;
  let pauseMs = firstPauseMs;
  for (let from: Response = response; ; ) {
    const reader = from.body?.getReader();
    try {
      for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
        signal?.throwIfAborted();
        if (loaded + next.value.length > buffer.length) {
          const larger = new Uint8Array(Math.max(loaded + next.value.length, 2 * buffer.length));
          larger.set(buffer.subarray(0, loaded));
          buffer = larger;
        }
        buffer.set(next.value, loaded);
        loaded += next.value.length;
        pauseMs = firstPauseMs;
        onProgress?.({ phase: "download", loaded, total });
      }
      if (!total || loaded >= total) return loaded === buffer.length ? buffer : buffer.slice(0, loaded);
    } catch (error) {
      if (signal?.aborted || !rest) throw error;
    } finally {
      reader?.cancel().catch(() => {});
    }
    const again = await tryAgain(loaded);
    const isRest = again.headers.get("content-range")?.startsWith(`bytes ${loaded}-`);
    if (!isRest || again.headers.get("etag") !== headers.get("etag")) {
      const whole = again.status === 206 ? await rest!(0) : again;
      return readResponse(whole, options, rest, restarts - 1);
    }
    from = again;
  }

  async function tryAgain(loaded: number): Promise<Response> {
    for (; rest && restarts > 0 && pauseMs <= longestPauseMs; pauseMs *= 2) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      signal?.throwIfAborted();
      const answer = await rest(loaded).catch(() => undefined);
      if (answer?.ok) return answer;
    }
    throw new Error(`${where} broke off after ${loaded} of ${total ?? "unknown"} bytes`);
  }
}

/** Between tries to go on with a download that broke off: twice as long each time. */
const firstPauseMs = 100;
const longestPauseMs = 1600;

/** What a server says of a length is believed so far in advance. */
const maxTrustedBytes = 2 ** 28;

/** The hash in hex. Anything but one SHA-256 is refused, so that a typing error does not pass as no check. */
function parseIntegrity(integrity: string | undefined): string | undefined {
  if (integrity === undefined) return undefined;
  const match = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(integrity);
  if (!match)
    throw new ModelError(`integrity is "${integrity}"; expected sha256- and 44 characters of base64`);
  return hex(Uint8Array.from(atob(match[1]), (char) => char.charCodeAt(0)));
}
