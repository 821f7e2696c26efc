/** A page in headless Chromium, from a static server with the headers of the test's choice, that does one job. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import type { Browser } from "playwright-core";

export const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
};

export interface Folder {
  readonly path: string;
  readonly files?: Readonly<Record<string, string | Uint8Array>>; // besides those of the folder, by address
  readonly headers?: Readonly<Record<string, string>>; // of every answer
}

/** Serves a folder at 127.0.0.1; the address has no slash at its end. */
export async function serveFolder({ path, files = {}, headers = {} }: Folder): Promise<{
  readonly url: string;
  readonly asked: string[];
  close(): void;
}> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    const address = decodeURIComponent((request.url ?? "/").split(/[?#]/)[0]);
    asked.push(address);
    const file = join(path, address);
    const isFile = !address.includes("..") && existsSync(file) && statSync(file).isFile();
    const body = files[address] ?? (isFile ? readFileSync(file) : undefined);
    const type = types[address.endsWith("/") ? ".html" : extname(address)];
    response.writeHead(body === undefined ? 404 : 200, {
      ...headers,
      "Content-Type": type ?? "application/octet-stream",
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A page that runs one script, as a module or as a classic one. */
export function html(script: string, type: "module" | "classic" = "module"): string {
  const kind = type === "module" ? ' type="module"' : "";
  return `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>app</title>
<body><script${kind} src="${script}"></script>`;
}

/** What the job of the page at `url` gives; what the page says goes into the error. */
export async function doJob<Result>(browser: Browser, url: string, request: unknown): Promise<Result> {
  const page = await browser.newPage();
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  try {
    await page.goto(url);
    await page.waitForFunction("globalThis.job", undefined, { timeout: 30_000 });
    return (await page.evaluate((given) => {
      return (globalThis as unknown as { job(given: unknown): Promise<unknown> }).job(given);
    }, request)) as Result;
  } catch (error) {
    (error as Error).message += `\nthe page says: ${said.join("\n") || "nothing"}`;
    throw error;
  } finally {
    await page.close();
  }
}
