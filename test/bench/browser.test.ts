/** The page of the benchmark: isolated, talkative, and closed even when its job fails. */
import { describe, expect, test } from "vitest";
import { runInPage } from "../../pruner/bench/browser.ts";
import { findChromium, howToGetChromium } from "../../pruner/bench/chromium.ts";

const site = (job: string) => ({
  files: { "/job.js": `globalThis.job = async (request, progress) => { ${job} }` },
});
const page = (job: string) => ({ site: site(job), module: "/job.js", timeoutMs: 60_000 });

describe("runInPage", () => {
  test("calls the job in an isolated page and passes its progress on", async (ctx) => {
    if (!findChromium()) ctx.skip(howToGetChromium);
    const seen: unknown[] = [];
    const job = page(
      `await progress("adding", 1, 2); return { sum: request.a + 1, crossOriginIsolated };`,
    );
    const result = await runInPage(
      { ...job, onProgress: (...progress: unknown[]) => seen.push(progress) },
      { a: 1 },
    );
    expect(result).toEqual({ sum: 2, crossOriginIsolated: true });
    expect(seen).toEqual([["adding", 1, 2]]);
  });

  const failures: [what: string, job: string, message: RegExp][] = [
    ["its error", "throw new RangeError('too big')", /RangeError: too big/],
    [
      "an error outside it",
      "setTimeout(() => { throw new Error('later') }); await new Promise(() => {})",
      /later/,
    ],
    ["a file that is missing", "await import('./gone.js')", /404 .*gone\.js/],
  ];
  test.for(failures)("rejects with %s when the job fails", async ([, job, message], ctx) => {
    if (!findChromium()) ctx.skip(howToGetChromium);
    await expect(runInPage({ ...page(job), onConsole: () => {} }, {})).rejects.toThrow(message);
  });
});
