/** Keeps what a model was prepared to, for prepared.ts to find at the next load. */
import { delMany, set, update } from "idb-keyval";
import type { Running } from "./backends/wasm/image.ts";
import { writeImage } from "./backends/wasm/write-image.ts";
import { digest, hex } from "./model/sha256.ts";
import { type Entry, store } from "./prepared.ts";
import type { SessionInfo } from "./session.ts";

type Index = Record<string, { readonly at: number; readonly bytes: number }>; // at: ms since 1970, when it was written

const indexKey = "index";
const mostBytes = 32 * 2 ** 20; // of an entry: larger models take longer to download than to prepare
const mostBytesOfAll = 128 * 2 ** 20; // the oldest entries go

export async function remember(key: string, running: Running, info: SessionInfo): Promise<void> {
  const image = writeImage(running);
  const text = new TextEncoder().encode(JSON.stringify(info));
  const bytes = new Uint8Array(4 + text.length + image.length);
  if (bytes.length > mostBytes) return;
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  bytes.set(image, 4 + text.length);
  try {
    await set(key, { hash: hex(await digest(bytes)), bytes } satisfies Entry, store());
    const gone: string[] = [];
    await update<Index>(
      indexKey,
      (index = {}) => {
        const all = { ...index, [key]: { at: Date.now(), bytes: bytes.length } };
        const newestFirst = Object.entries(all).sort(([, a], [, b]) => b.at - a.at);
        let sum = 0;
        const kept = newestFirst.filter(([, each]) => (sum += each.bytes) <= mostBytesOfAll);
        gone.push(...Object.keys(all).filter((each) => !kept.some(([name]) => name === each)));
        return Object.fromEntries(kept);
      },
      store(),
    );
    await delMany(gone, store());
  } catch {
    // A full or forbidden database costs the preparation again next time, nothing else.
  }
}
