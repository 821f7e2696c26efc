/** The server of the benchmark's pages: what it serves, with which headers, and what it never serves. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, serve } from "../../pruner/bench/server.ts";

let server: Server;
const folder = mkdtempSync(join(tmpdir(), "filigree-server-"));

beforeAll(async () => {
  mkdirSync(join(folder, "public/sub"), { recursive: true });
  mkdirSync(join(folder, "public-not"));
  writeFileSync(join(folder, "public/a.js"), "export {}");
  writeFileSync(join(folder, "public/sub/b.wasm"), "\0asm");
  writeFileSync(join(folder, "secret.txt"), "secret");
  writeFileSync(join(folder, "public-not/secret.txt"), "secret");
  symlinkSync(join(folder, "secret.txt"), join(folder, "public/link.txt"));
  server = await serve({
    folders: { "/p/": join(folder, "public") },
    files: { "/": "<!doctype html>", "/model.bin": new Uint8Array([1, 2, 3]) },
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** As a rude client sends it: no tidying of the path. */
function get(path: string, method = "GET"): Promise<{ status: number; headers: object; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}/`, { path, method }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString("latin1");
      resolve({ status: response.statusCode!, headers: response.headers, body });
    });
    sent.on("error", reject).end();
  });
}

test.each([
  ["/", "<!doctype html>", "text/html; charset=utf-8"],
  ["/p/a.js", "export {}", "text/javascript; charset=utf-8"],
  ["/p/sub/b.wasm?x=1", "\0asm", "application/wasm"],
  ["/model.bin", "\x01\x02\x03", "application/octet-stream"],
])("%s comes with its type and isolates the page", async (path, body, type) => {
  const response = await get(path);
  expect(response).toMatchObject({ status: 200, body });
  expect(response.headers).toMatchObject({
    "content-type": type,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
  });
});

test.each([
  "/p/../secret.txt",
  "/p/%2e%2e/secret.txt",
  "/p/..%2fsecret.txt",
  "/p/../public-not/secret.txt",
  "/p/link.txt",
  "/p//etc/passwd",
  "/p/sub",
  "/p/a.js%00.txt",
  "/etc/passwd",
])("%s is not served", async (path) => {
  expect(await get(path)).toMatchObject({ status: 404, body: "" });
});

test("a malformed path and a POST are refused", async () => {
  expect(await get("/p/%E0%A4%A")).toMatchObject({ status: 400 });
  expect(await get("/p/a.js", "POST")).toMatchObject({ status: 405 });
});
