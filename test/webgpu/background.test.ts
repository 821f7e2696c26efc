/** A session on the GPU of a tab that goes to the background and comes back, in Chromium on its software renderer. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumArgs, findChromium, howToGetChromium } from "../../pruner/bench/chromium.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { runOn } from "../backend/run.ts";
import { html, serveFolder } from "../bundles/page.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";
import type { BackgroundPage, Ran } from "./background/page.ts";

const path = findChromium();
const image = [...tinyImage(5)];

describe.skipIf(!path)(path ? "in Chromium" : howToGetChromium, () => {
  let server: Awaited<ReturnType<typeof serveFolder>>;
  let started: Awaited<ReturnType<typeof startChromium>>;
  let wanted: readonly number[];
  let page: Page;
  let other: Page;

  beforeAll(async () => {
    const inputs = { image: tensor([1, 3, 9, 9], Float32Array.from(image)) };
    wanted = [...(await runOn(reference, tinyClassifier(), inputs)).logits.data];
    const scripts = await bundled({ page: "./background/page.ts", worker: "../../runtime/worker.ts" });
    const model = await writeModel(tinyClassifier());
    const files = { ...scripts, "/": html("/page.js"), "/model.filigree": model };
    server = await serveFolder({ path: "/nowhere", files });
    started = await startChromium(path!);
    const [context] = started.browser.contexts();
    [page] = context.pages();
    await page.goto(server.url);
    await page.waitForFunction("globalThis.page");
    other = await context.newPage();
  });
  afterAll(async () => {
    await started?.end();
    server?.close();
  });

  const asked = <Result>(work: (page: BackgroundPage, image: readonly number[]) => Promise<Result>) =>
    page.evaluate(`(${work})(globalThis.page, ${JSON.stringify(image)})`) as Promise<Result>;

  function expectRight({ backend, logits }: Ran): void {
    expect(backend).toBe("webgpu");
    for (const each of logits) {
      for (const [i, value] of each.entries()) expect(value).toBeCloseTo(wanted[i], 4);
    }
  }

  test("its runs resolve, in front, behind another tab, and in front again", async () => {
    await page.bringToFront();
    await asked((page) => page.open());
    const before = await asked((page, image) => page.run(2, image));
    expect(before.visibility).toBe("visible");
    expectRight(before);
    await other.bringToFront();
    await page.waitForFunction("document.visibilityState === 'hidden'", undefined, { polling: 50 });
    const behind = await asked((page, image) => page.run(5, image));
    expect(behind.visibility).toBe("hidden");
    expectRight(behind);
    expect(behind.logits).toHaveLength(5);
    const across = asked((page, image) => page.run(5, image)); // begun behind, ended in front
    await page.bringToFront();
    expectRight(await across);
    const after = await asked((page, image) => page.run(2, image));
    expect(after.visibility).toBe("visible");
    expectRight(after);
  });

  test("a session can be opened behind another tab, too", async () => {
    await other.bringToFront();
    await page.waitForFunction("document.visibilityState === 'hidden'", undefined, { polling: 50 });
    await asked((page) => page.open());
    expectRight(await asked((page, image) => page.run(2, image)));
  });
});

/** Modules for a page, by address; what they import when asked is among them. */
async function bundled(entries: Readonly<Record<string, string>>): Promise<Record<string, Uint8Array>> {
  const { outputFiles } = await build({
    entryPoints: Object.fromEntries(
      Object.entries(entries).map(([name, file]) => [name, new URL(file, import.meta.url).pathname]),
    ),
    bundle: true,
    splitting: true,
    format: "esm",
    target: "esnext",
    outdir: "/",
    write: false,
    logLevel: "error",
  });
  return Object.fromEntries(outputFiles.map(({ path, contents }) => [path, contents]));
}

/** A browser that Playwright did not start: in one that it starts, every page believes that it is seen. */
async function startChromium(executable: string): Promise<{ browser: Browser; end(): Promise<void> }> {
  const profile = mkdtempSync(join(tmpdir(), "filigree-background-"));
  const args = [
    ...chromiumArgs,
    "--headless=new",
    "--enable-unsafe-webgpu",
    "--remote-debugging-port=0",
  ];
  const child: ChildProcess = spawn(executable, [...args, `--user-data-dir=${profile}`, "about:blank"]);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const address = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.stderr!.on("data", (part) => {
      said += part;
      const found = /ws:\/\/([^/]+)/.exec(said);
      if (found) resolve(`http://${found[1]}`);
    });
    child.once("exit", () => reject(new Error(`Chromium did not start: ${said}`)));
  });
  const browser = await chromium.connectOverCDP(address, { noDefaults: true });
  return {
    browser,
    async end() {
      const system = await browser.newBrowserCDPSession();
      await system.send("Browser.close").catch(() => child.kill()); // its helpers end with it
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 20 }); // they may write a moment longer
    },
  };
}
