/** Our SHA-256, for pages without crypto.subtle, equals the platform's. */
import { createHash } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import { digest, hex } from "../../runtime/model/sha256.ts";
import { sha256 } from "../../runtime/model/sha256-loop.ts";

afterEach(() => void vi.unstubAllGlobals());

test("every length around the block size hashes as in node:crypto", () => {
  for (let length = 0; length <= 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255);
    expect(hex(sha256(bytes)), `${length} bytes`).toBe(createHash("sha256").update(bytes).digest("hex"));
  }
});

test("the standard's example", () => {
  expect(hex(sha256(new TextEncoder().encode("abc")))).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

test("digest is the same with crypto.subtle and without", async () => {
  const bytes = new TextEncoder().encode("filigree");
  const withSubtle = hex(await digest(bytes));
  vi.stubGlobal("crypto", {});
  expect(hex(await digest(bytes))).toBe(withSubtle);
});
