/** A page in headless Chromium that measures: opened for one job, and closed whatever happens. */
import { ModelError } from "../../runtime/model/errors.ts";
import { chromiumArgs, findChromium, howToGetChromium } from "./chromium.ts";
import { type Site, serve } from "./server.ts";

export interface PageJob {
  readonly site: Site;
  /** Path of the module that the page runs; it sets `globalThis.job = async (request, progress) => result`. */
  readonly module: string;
  onProgress?(doing: string, done: number, total: number): void;
  /** What the page writes to its console, errors and warnings only unless it is verbose. */
  onConsole?(text: string): void;
  readonly timeoutMs?: number;
}

/** How the module that a PageJob names sets its job. Request and result have to be JSON. */
export type JobFunction = (
  request: never,
  progress: (doing: string, done: number, total: number) => void,
) => Promise<unknown>;

/** Opens the page, calls its job with `request`, and gives what the job gives. */
export async function runInPage<Result>(job: PageJob, request: unknown): Promise<Result> {
  const { onConsole = (text) => console.error(`page: ${text}`), timeoutMs = 600_000 } = job;
  const chromium = await playwright();
  const executablePath = findChromium();
  if (!executablePath) throw new ModelError(howToGetChromium);
  const notServed = new Set<string>();
  const server = await serve({ ...job.site, files: { ...job.site.files, "/": html(job.module) } });
  try {
    const browser = await chromium.launch({ executablePath, args: chromiumArgs, headless: true });
    try {
      const page = await browser.newPage();
      const broken = new Promise<never>((_, reject) => {
        page.on("crash", () => reject(new Error("the page of the benchmark crashed (out of memory?)")));
        page.on("pageerror", (error) =>
          reject(new Error(`in the page: ${error.stack ?? error.message}`)),
        );
        const late = new Error(`the page of the benchmark gave no result in ${timeoutMs / 1000} s`);
        setTimeout(() => reject(late), timeoutMs).unref();
      });
      page.on("response", (r) => r.status() >= 400 && notServed.add(`${r.status()} ${r.url()}`));
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") onConsole(message.text());
      });
      await page.exposeFunction("progress", (doing: string, done: number, total: number) => {
        job.onProgress?.(doing, done, total);
      });
      const result = page.goto(server.url).then(async () => {
        await page.waitForFunction("globalThis.job");
        return page.evaluate((given) => {
          const scope = globalThis as unknown as {
            job: JobFunction;
            progress: Parameters<JobFunction>[1];
          };
          return scope.job(given as never, scope.progress);
        }, request);
      });
      return (await Promise.race([result, broken])) as Result;
    } catch (error) {
      if (notServed.size) (error as Error).message += `\nnot served: ${[...notServed].join(", ")}`;
      throw error;
    } finally {
      await browser.close();
    }
  } finally {
    await server.close();
  }
}

async function playwright() {
  try {
    return (await import("playwright-core")).chromium;
  } catch {
    throw new ModelError(
      "playwright-core drives the browser and is not installed: npm install playwright-core",
    );
  }
}

function html(module: string): string {
  return `<!doctype html><meta charset="utf-8"><title>bench</title><link rel="icon" href="data:,">
<script type="module" src="${module}"></script>`;
}
