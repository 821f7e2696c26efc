/** Reads a .tar.gz: the ustar format with pax's long names, blocks of 512 bytes, regular files only. */
import { gunzipSync } from "node:zlib";

export function readTarGz(bytes: Uint8Array): Map<string, Uint8Array> {
  const tar = gunzipSync(bytes);
  const text = (at: number, length: number) => tar.toString("latin1", at, at + length).split("\0")[0];
  const files = new Map<string, Uint8Array>();
  let longName = "";
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8); // octal
    const prefix = text(at + 345, 155);
    const name = longName || (prefix && `${prefix}/`) + text(at, 100);
    const type = text(at + 156, 1);
    if (type === "0" || type === "") files.set(name, tar.subarray(at + 512, at + 512 + size));
    longName = type === "x" ? (/ path=(.*)\n/.exec(text(at + 512, size))?.[1] ?? "") : ""; // of the next
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
