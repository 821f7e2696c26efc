/** Reads a .tar.gz: the ustar format, blocks of 512 bytes, regular files only. */
import { gunzipSync } from "node:zlib";

export function readTarGz(bytes: Uint8Array): Map<string, Uint8Array> {
  const tar = gunzipSync(bytes);
  const text = (at: number, length: number) => tar.toString("latin1", at, at + length).split("\0")[0];
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8); // octal
    const prefix = text(at + 345, 155);
    const name = (prefix && `${prefix}/`) + text(at, 100);
    const isFile = tar[at + 156] === 48 || tar[at + 156] === 0; // type "0"
    if (isFile) files.set(name, tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
