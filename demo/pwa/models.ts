/** The bytes of a model that came with the app: from its cache, checked, and fetched anew where the cache is broken. */
import type { ModelFile } from "./build/face-detector.ts";

/** Throws an Error that says what is wrong where neither the cache nor the network has the file as it was built. */
export async function bytesOf({ url, integrity }: ModelFile): Promise<Uint8Array> {
  const address = new URL(url, document.baseURI);
  const first = await read(address);
  if (first && (await isWhole(first, integrity))) return first;
  await forget(address);
  const second = await read(address, { cache: "reload" });
  if (second && (await isWhole(second, integrity))) return second;
  throw new Error(
    second
      ? `${url} is damaged, in this device's cache and on the server: its hash is not ${integrity}`
      : `${url} is not on this device and cannot be reached: connect to the network once`,
  );
}

async function read(url: URL, options?: RequestInit): Promise<Uint8Array | undefined> {
  try {
    const response = await fetch(url, options);
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
  } catch {
    return undefined;
  }
}

/** Where there is no hashing (a page without https), the runtime's own hashes of each section still hold. */
async function isWhole(bytes: Uint8Array, integrity: string): Promise<boolean> {
  if (!globalThis.crypto?.subtle) return true;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
  return `sha256-${btoa(String.fromCharCode(...hash))}` === integrity;
}

async function forget(url: URL): Promise<void> {
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    await cache.delete(url.href, { ignoreSearch: true });
  }
}
