/** Files of a tar archive (POSIX ustar) by name: headers of 512 bytes, contents in blocks of 512. */
const block = 512;

export function readTar(bytes: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const text = (at: number, length: number) =>
    new TextDecoder().decode(bytes.subarray(at, at + length)).split("\0")[0];
  for (let at = 0; at + block <= bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12).trim(), 8);
    const [type, prefix] = [text(at + 156, 1), text(at + 345, 155)];
    const name = (prefix ? `${prefix}/` : "") + text(at, 100);
    if (type === "0" || type === "") files.set(name, bytes.subarray(at + block, at + block + size));
    at += block * (1 + Math.ceil(size / block));
  }
  return files;
}
