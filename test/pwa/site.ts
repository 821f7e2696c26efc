/** A static file server under a path, as plain as hosts are: it can leave the headers of isolation out, and be down. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

export interface StaticSite {
  readonly url: string; // with the path and a slash at the end
  readonly requests: string[]; // paths that were asked for, in their order
  isDown: boolean; // true: every connection breaks off
  close(): Promise<void>;
}

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".png": "image/png",
  ".jpg": "image/jpeg",
};

const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

export async function staticSite(
  folder: string,
  { path = "/repo/", isolated = false }: { path?: string; isolated?: boolean } = {},
): Promise<StaticSite> {
  const requests: string[] = [];
  const site = { isDown: false };
  const server = createServer((request, response) => {
    const asked = decodeURIComponent((request.url ?? "/").split(/[?#]/)[0]);
    requests.push(asked);
    if (site.isDown) return void request.socket.destroy();
    const inside = asked.startsWith(path) ? asked.slice(path.length) || "index.html" : undefined;
    const file = inside === undefined ? "" : join(folder, normalize(`/${inside}`));
    if (!file || !existsSync(file) || !statSync(file).isFile())
      return void response.writeHead(404).end();
    response.writeHead(200, {
      "Content-Type": types[extname(file)] ?? "application/octet-stream",
      "Content-Length": statSync(file).size,
      ...(isolated && isolation),
    });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(site, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    requests,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}
