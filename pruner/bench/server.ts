/**
 * A static file server on 127.0.0.1 for the pages of the benchmark, with the headers that make a page cross-origin
 * isolated, so that it has shared memory and a fine clock.
 */
import { createReadStream, realpathSync, statSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, sep } from "node:path";

export interface Site {
  /** Folders by the start of the path they are served under: { "/ort/": "/…/onnxruntime-web/dist" }. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Single files by their path, from memory. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** False leaves out the headers of isolation, as most servers do: no shared memory then (default true). */
  readonly isolated?: boolean;
}

export interface Server {
  readonly url: string; // "http://127.0.0.1:PORT", no slash at the end
  close(): Promise<void>;
}

const headers = { "Cache-Control": "no-store" };

const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

export async function serve(site: Site): Promise<Server> {
  const server = createServer((request, response) => {
    if (site.isolated !== false)
      for (const [name, value] of Object.entries(isolation)) response.setHeader(name, value);
    if (request.method !== "GET" && request.method !== "HEAD") return fail(response, 405);
    const path = decodedPath(request.url ?? "/");
    if (path === undefined) return fail(response, 400);
    const content = site.files?.[path];
    if (content !== undefined) {
      const bytes = Buffer.from(content);
      return void response.writeHead(200, headersOf(path, bytes.length)).end(bytes);
    }
    const file = fileOf(path, site.folders ?? {});
    if (!file) return fail(response, 404);
    response.writeHead(200, headersOf(file.path, file.bytes));
    createReadStream(file.path)
      .on("error", () => response.destroy())
      .pipe(response);
  });
  await new Promise<void>((resolve, reject) =>
    server.once("error", reject).listen(0, "127.0.0.1", resolve),
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** The path without query, percent-decoded; undefined where it is malformed. */
function decodedPath(url: string): string | undefined {
  try {
    return decodeURIComponent(url.split(/[?#]/)[0]);
  } catch {
    return undefined;
  }
}

/** The file that `path` names, only if it really lies inside its folder: no "..", no link that leads outside. */
function fileOf(
  path: string,
  folders: Readonly<Record<string, string>>,
): { path: string; bytes: number } | undefined {
  const prefix = Object.keys(folders).find((start) => path.startsWith(start));
  if (prefix === undefined || path.includes("\0")) return undefined;
  try {
    const folder = realpathSync(folders[prefix]);
    const file = realpathSync(join(folder, path.slice(prefix.length)));
    const stat = statSync(file);
    return file.startsWith(folder + sep) && stat.isFile() ? { path: file, bytes: stat.size } : undefined;
  } catch {
    return undefined;
  }
}

function headersOf(path: string, bytes: number): Record<string, string | number> {
  const type = types[path.endsWith("/") ? ".html" : extname(path)] ?? "application/octet-stream";
  return { ...headers, "Content-Type": type, "Content-Length": bytes };
}

function fail(response: ServerResponse, status: number): void {
  response.writeHead(status, headers).end();
}
