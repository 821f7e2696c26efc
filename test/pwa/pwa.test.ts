/** The built app as its users meet it: on a plain host under a path, in every browser that is here. */
import { readFileSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digitsNetwork } from "../../demo/digits/network.ts";
import type { BenchResult } from "../../demo/pwa/bench/result.ts";
import { exportOnnx, importOnnx, isSparse, readModel } from "../../pruner/index.ts";
import { type BuiltApp, buildApp } from "./app.ts";
import { browsers } from "./browsers.ts";
import { type Found, facesByOnnxRuntime, facesOf, pixelsOf } from "./faces.ts";
import { type StaticSite, staticSite } from "./site.ts";

let app: BuiltApp;

beforeAll(async () => {
  app = await buildApp();
}, 60_000);
afterAll(() => app?.remove());

for (const { name, type, options, whyNot } of browsers) {
  describe.skipIf(whyNot)(`in ${name}${whyNot ? ` (${whyNot})` : ""}`, () => {
    let browser: Browser;
    let site: StaticSite;

    beforeAll(async () => {
      browser = await type.launch(options);
      site = await staticSite(app.folder);
    }, 60_000);
    afterAll(async () => {
      await browser?.close();
      await site?.close();
    });

    /** A browser that was never here; closed when `use` is through. */
    async function visit(
      use: (page: Page, context: BrowserContext) => Promise<void>,
      { url = site.url, ...given }: BrowserContextOptions & { url?: string } = {},
    ): Promise<void> {
      site.isDown = false;
      const context = await browser.newContext({ viewport: { width: 390, height: 844 }, ...given });
      context.setDefaultTimeout(90_000); // of a busy machine
      try {
        const page = await context.newPage();
        await page.goto(url);
        await use(page, context);
      } finally {
        await context.close();
      }
    }

    test("the first visit is isolated; without a network it loads again, asks no server, and infers", async () => {
      await visit(async (page, context) => {
        await isolated(page);
        expect((await facesOf(page, "sparse")).length).toBe(1);
        await readyOffline(page);
        await context.setOffline(true);
        site.isDown = true;
        site.requests.length = 0;
        await page.reload();
        await page.getByRole("button", { name: "Many faces" }).click();
        await expect.poll(async () => (await facesOf(page, "sparse")).length).toBeGreaterThan(5);
        // Browsers look for a new service worker by themselves, whatever a test tells them of the network.
        expect(site.requests.filter((path) => !path.endsWith("/service-worker.js"))).toEqual([]);
      });
    });

    test("where service workers are forbidden it runs on one thread and says so", async () => {
      await visit(
        async (page) => {
          expect((await facesOf(page, "sparse")).length).toBe(1);
          expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
          expect(await page.locator("#live-threads option").allTextContents()).toEqual(["1"]);
          expect(await page.locator("#status").textContent()).toMatch(/one thread|not kept/);
        },
        { serviceWorkers: "block" },
      );
    });

    test("a damaged model in the cache is noticed and fetched anew", async () => {
      await visit(async (page) => {
        await isolated(page);
        await readyOffline(page);
        for (const side of ["sparse", "dense"] as const) await facesOf(page, side); // nothing is being loaded now
        await page.evaluate(async () => {
          for (const cacheName of await caches.keys()) {
            const cache = await caches.open(cacheName);
            for (const request of await cache.keys()) {
              if (!request.url.includes(".filigree")) continue;
              const whole = new Uint8Array(await (await cache.match(request))!.arrayBuffer());
              await cache.put(request, new Response(whole.slice(0, whole.length / 2)));
            }
          }
        });
        site.requests.length = 0;
        await page.reload();
        expect((await facesOf(page, "sparse")).length).toBe(1);
        expect((await facesOf(page, "dense")).length).toBe(1);
        expect(site.requests.filter((path) => path.endsWith(".filigree")).length).toBe(2);
      });
    });

    test("a refused camera is explained, and the picture stays", async () => {
      const refused = async (page: Page) => {
        await facesOf(page, "sparse");
        await page.evaluate(() => {
          const refuse = () => Promise.reject(new DOMException("denied", "NotAllowedError"));
          Object.defineProperty(navigator.mediaDevices, "getUserMedia", { value: refuse });
        });
        await page.getByRole("button", { name: "Camera" }).click();
        await page.getByText("The camera is blocked").waitFor();
        const portrait = page.getByRole("button", { name: "Portrait" });
        expect(await portrait.getAttribute("aria-pressed")).toBe("true");
        expect((await facesOf(page, "sparse")).length).toBe(1);
      };
      await visit(refused, { serviceWorkers: "block" });
    });

    if (name !== "chromium") return; // what follows does not depend on the browser

    test("the faces are those that ONNX Runtime finds with the same files", async () => {
      await visit(async (page) => {
        await isolated(page);
        for (const picture of ["Portrait", "Many faces"]) {
          await page.getByRole("button", { name: picture }).click();
          await page.locator(`[data-picture="${picture}"]`).first().waitFor();
          const pixels = await pixelsOf(page);
          for (const side of ["dense", "sparse"] as const) {
            expectAlike(await facesOf(page, side), await facesByOnnxRuntime(side, pixels));
          }
        }
      });
    });

    test("a race tells the times of each engine and finds every result right", async () => {
      await visit(
        async (page) => {
          await page.getByLabel("onnxruntime-web").check();
          await page.getByLabel("Samples").selectOption("5");
          await page.getByRole("button", { name: "Run" }).click();
          const message = page.locator("#bench-message");
          await page.locator("#bench-run:enabled").waitFor();
          expect(await message.textContent()).toBe("Done: every result was compared and is right.");
          const [download] = await Promise.all([
            page.waitForEvent("download"),
            page.getByRole("button", { name: "Download JSON" }).click(),
          ]);
          const { rows, device }: BenchResult = JSON.parse(readFileSync(await download.path(), "utf8"));
          expect(rows.map(({ engine, weights }) => `${engine} ${weights}`)).toEqual([
            "Filigree pruned",
            "Filigree dense",
            "onnxruntime-web dense",
          ]);
          for (const row of rows) {
            expect(row).toMatchObject({ network: "face-detector", isRight: true, threads: 1 });
            expect(row.samplesMs.length).toBe(5);
            expect(row.minMs).toBeLessThanOrEqual(row.p50Ms);
            expect(row.p50Ms).toBeLessThanOrEqual(row.p90Ms);
            expect(row.memoryBytes).toBeGreaterThan(1e6);
          }
          expect(rows[0].kernels?.join()).toMatch(/sparse: /);
          expect(rows[1].kernels?.join()).not.toMatch(/sparse: /);
          expect(device.userAgent).toMatch(/Chrom/);
        },
        { url: `${site.url}#/bench`, serviceWorkers: "block" },
      );
    });

    test("a race ends when nobody looks, and can be run again", async () => {
      await visit(
        async (page) => {
          await page.getByRole("button", { name: "Run" }).click();
          await page.getByText("making it").waitFor();
          await setHidden(page, true);
          await page.getByText("Stopped: this page was left").waitFor();
          await setHidden(page, false);
          await page.getByLabel("Samples").selectOption("5");
          await page.getByRole("button", { name: "Run" }).click();
          await page.locator("#bench-run:enabled").waitFor();
          const message = await page.locator("#bench-message").textContent();
          expect(message).toBe("Done: every result was compared and is right.");
        },
        { url: `${site.url}#/bench`, serviceWorkers: "block" },
      );
    });

    test("the camera is looked at only while the tab is seen", async () => {
      await visit(
        async (page) => {
          const frames = async () =>
            Number(await page.locator("#live-sparse").getAttribute("data-frame"));
          await facesOf(page, "sparse");
          await page.getByRole("button", { name: "Camera" }).click();
          await page.locator('[data-source="camera"][aria-pressed="true"]').waitFor();
          const start = await frames();
          await expect.poll(frames).toBeGreaterThan(start + 3);
          await setHidden(page, true);
          await page.waitForTimeout(300); // the frame that was under way
          const hidden = await frames();
          await page.waitForTimeout(500);
          expect(await frames()).toBe(hidden);
          await setHidden(page, false);
          await expect.poll(frames).toBeGreaterThan(hidden + 3);
        },
        { permissions: ["camera"], serviceWorkers: "block" },
      );
    });

    test("a model of one's own is read, pruned, timed and given back", async () => {
      const net = digitsNetwork(1);
      await visit(
        async (page) => {
          const buffer = Buffer.from(exportOnnx(net));
          await page.locator("#model-file").setInputFiles({ name: "digits.onnx", mimeType: "", buffer });
          await page.getByText("Read. Choose what to prune.").waitFor();
          await page.getByLabel("Sparsity").fill("50");
          await page.getByRole("button", { name: "Prune and time" }).click();
          await page.getByText(/of the weights of \d+ layers are gone/).waitFor();
          expect(await page.locator("#model-result tr.wrong").count()).toBe(0);
          const [download] = await Promise.all([
            page.waitForEvent("download"),
            page.getByRole("button", { name: "Download .filigree" }).click(),
          ]);
          const { graph } = await readModel(new Uint8Array(readFileSync(await download.path())));
          expect(graph.outputs.length).toBe(net.outputs.length);
          expect([...graph.constants.values()].some(isSparse)).toBe(true);
        },
        { url: `${site.url}#/model`, serviceWorkers: "block" },
      );
    });

    const hostile: [name: string, bytes: Uint8Array][] = [
      ["an empty file", new Uint8Array()],
      ["noise", Uint8Array.from({ length: 500 }, (_, i) => (i * 37) % 251)],
      ["half a network", exportOnnx(digitsNetwork(1)).slice(0, 5000)],
    ];
    test("hostile files are refused in the words of the importer", async () => {
      await visit(
        async (page) => {
          for (const [name, bytes] of hostile) {
            let message = "";
            try {
              importOnnx(bytes);
            } catch (error) {
              message = (error as Error).message;
            }
            expect(message, name).not.toBe("");
            const file = { name: `${name}.onnx`, mimeType: "", buffer: Buffer.from(bytes) };
            await page.locator("#model-file").setInputFiles(file);
            await expect.poll(() => page.locator("#model-message.error").textContent()).toBe(message);
            expect(await page.locator("#model-form").isHidden()).toBe(true);
          }
        },
        { url: `${site.url}#/model`, serviceWorkers: "block" },
      );
    });

    test("where there is no room it works from the network, and says that it is not kept", async () => {
      const context = await browser.newContext();
      try {
        const page = await context.newPage();
        const protocol = await context.newCDPSession(page);
        const { origin } = new URL(site.url);
        await protocol.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 50_000 });
        await page.goto(site.url);
        await page.getByText("not kept for use offline: there is no room").waitFor();
        expect((await facesOf(page, "sparse")).length).toBe(1);
      } finally {
        await context.close();
      }
    });

    test("it can be installed, and nothing moves while it loads", async () => {
      await visit(async (page, context) => {
        await isolated(page);
        await facesOf(page, "sparse");
        await readyOffline(page);
        const address = await page.locator("link[rel=manifest]").getAttribute("href");
        const manifest = await page.evaluate(async (url) => (await fetch(url!)).json(), address);
        expect(manifest).toMatchObject({ start_url: "./", scope: "./", display: "standalone" });
        const icons: { src: string; sizes: string; purpose: string }[] = manifest.icons;
        expect(icons.map(({ purpose }) => purpose)).toContain("maskable");
        for (const { src, sizes } of icons) {
          const size = await page.evaluate(async (url) => {
            const { width, height } = await createImageBitmap(await (await fetch(url)).blob());
            return `${width}x${height}`;
          }, src);
          expect(size).toBe(sizes);
        }
        const protocol = await context.newCDPSession(page);
        const { installabilityErrors } = await protocol.send("Page.getInstallabilityErrors");
        // A private window is the only one that a test has.
        const others = installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito");
        expect(others).toEqual([]);
        const shift = await page.evaluate(
          () =>
            new Promise<number>((resolve) => {
              let sum = 0;
              const add = (entries: PerformanceEntryList) => {
                for (const entry of entries)
                  sum += (entry as PerformanceEntry & { value: number }).value;
              };
              const observer = new PerformanceObserver((list) => add(list.getEntries()));
              observer.observe({ type: "layout-shift", buffered: true });
              setTimeout(() => resolve(sum), 300);
            }),
        );
        expect(shift).toBeLessThan(0.01);
      });
    });

    test("a host that isolates by itself is not loaded twice", async () => {
      const isolating = await staticSite(app.folder, { path: "/", isolated: true });
      try {
        await visit(
          async (page) => {
            await readyOffline(page);
            expect(isolating.requests.filter((path) => path === "/").length).toBe(1);
          },
          { url: isolating.url },
        );
      } finally {
        await isolating.close();
      }
    });

    test("axe finds no serious fault on any page, light or dark", async () => {
      await visit(
        async (page) => {
          await facesOf(page, "sparse");
          for (const [name, sign] of Object.entries({
            live: "#live",
            bench: "#bench-device div",
            model: "#model",
          })) {
            await page.goto(`${site.url}#/${name}`);
            await page.locator(sign).first().waitFor();
            for (const colorScheme of ["light", "dark"] as const) {
              await page.emulateMedia({ colorScheme });
              const axe = new AxeBuilder({ page });
              if (colorScheme === "dark") axe.withRules("color-contrast"); // all that is another
              const { violations } = await axe.analyze();
              const isSerious = ({ impact }: { impact?: string | null }) =>
                /serious|critical/.test(impact ?? "");
              const faults = violations
                .filter(isSerious)
                .map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
              expect(faults, `${name}, ${colorScheme}`).toEqual([]);
            }
          }
        },
        { serviceWorkers: "block" },
      );
    });
  });
}

/** The service worker is in charge, and has loaded the page once more. */
async function isolated(page: Page): Promise<void> {
  await page.waitForFunction(() => crossOriginIsolated && navigator.serviceWorker.controller !== null);
}

async function readyOffline(page: Page): Promise<void> {
  await page.getByText("Ready offline").waitFor();
}

/** What a page sees when its tab goes to the back and comes again. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
}

/** Within a hundredth of a pixel: sums of another order. */
function expectAlike(actual: readonly Found[], expected: readonly Found[]): void {
  expect(actual.length).toBe(expected.length);
  expect(expected.length).toBeGreaterThan(0);
  for (const [i, face] of expected.entries()) {
    for (const [j, value] of face.entries()) expect(actual[i][j]).toBeCloseTo(value, 1);
  }
}
