/**
 * SHA-256 (FIPS 180-4). The platform's where there is one; a plain loop elsewhere, since a
 * page without a secure context (http on a local network) has no crypto.subtle.
 */
export async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return (await import("./sha256-loop.ts")).sha256(bytes);
  return new Uint8Array(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
