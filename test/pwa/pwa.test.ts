/** The built app as its users meet it: on a plain host under a path, in every browser that is here. */
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
    });
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
        expect(site.requests.filter((path) => path.endsWith(".filigree")).length).toBe(2);
      });
    });

    test("a refused camera is explained, and the picture stays", async () => {
      await visit(async (page) => {
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
      });
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

    test("its manifest is complete", async () => {
      await visit(async (page) => {
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
      });
    });

    test.each(["live", "bench", "model"])("axe finds no serious fault on the page %s", async (name) => {
      for (const colorScheme of ["light", "dark"] as const) {
        await visit(
          async (page) => {
            await page.locator(`#${name}`).waitFor();
            const { violations } = await new AxeBuilder({ page }).analyze();
            const serious = violations.filter(
              ({ impact }) => impact === "serious" || impact === "critical",
            );
            expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
          },
          { url: `${site.url}#/${name}`, colorScheme, serviceWorkers: "block" },
        );
      }
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

/** Within a hundredth of a pixel: sums of another order. */
function expectAlike(actual: readonly Found[], expected: readonly Found[]): void {
  expect(actual.length).toBe(expected.length);
  expect(expected.length).toBeGreaterThan(0);
  for (const [i, face] of expected.entries()) {
    for (const [j, value] of face.entries()) expect(actual[i][j]).toBeCloseTo(value, 1);
  }
}
