/**
 * float16 on the GPU: the numbers, and what Firefox computes with them, whose GPU is Mesa's software renderer where there
 * is no other: that has shader-f16. Where a GPU has none, the model runs in float32 and says so.
 */
import { existsSync } from "node:fs";
import { build } from "esbuild";
import { type Browser, firefox } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { fitsHalf, toHalf } from "../../runtime/backends/webgpu/half.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { prepareModel } from "../../runtime/prepare.ts";
import { expectSame, runOn } from "../backend/run.ts";
import { doJob, html, serveFolder } from "../bundles/page.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";
import type { CaseResult, LoadResult, Request } from "./firefox/page.ts";
import { whyNoGpu } from "./gpu.ts";

describe("the float16 of a number", () => {
  const numbers: [claim: string, value: number, bits: number][] = [
    ["1", 1, 0x3c00],
    ["-2", -2, 0xc000],
    ["a third, rounded down", 1 / 3, 0x3555],
    ["1 + 1/2048, between two: the even one", 1 + 2 ** -11, 0x3c00],
    ["1 + 3/2048: the even one above", 1 + 3 * 2 ** -11, 0x3c02],
    ["the largest", 65504, 0x7bff],
    ["what is rounded to it", 65519.996, 0x7bff],
    ["what is not: infinite", 65520, 0x7c00],
    ["the smallest normal one", 2 ** -14, 0x0400],
    ["just below: rounded up to it", 2 ** -14 * (1 - 2 ** -12), 0x0400],
    ["the smallest", 2 ** -24, 0x0001],
    ["half of the smallest: the even one, zero", 2 ** -25, 0x0000],
    ["three quarters of it", 2 ** -25 * 1.5, 0x0001],
    ["minus zero", -0, 0x8000],
    ["minus infinity", -Infinity, 0xfc00],
    ["no number", NaN, 0x7e00],
  ];
  test.each(numbers)("%s", (_claim, value, bits) => {
    expect([...toHalf(Float32Array.of(value))]).toEqual([bits]);
    expect(fitsHalf(Float32Array.of(0, value))).toBe((bits & 0x7c00) !== 0x7c00);
  });
});

const firefoxPath = process.env.FIREFOX_PATH ?? "/usr/bin/firefox-esr";
const whyNoFirefox = existsSync(firefoxPath) ? undefined : `${firefoxPath} is not here`;

describe.skipIf(whyNoFirefox !== undefined)(whyNoFirefox ?? "in Firefox", () => {
  let browser: Browser;
  let server: Awaited<ReturnType<typeof serveFolder>>;

  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [new URL("./firefox/page.ts", import.meta.url).pathname],
      bundle: true,
      format: "esm",
      target: "esnext",
      write: false,
      logLevel: "error",
    });
    const files = { "/": html("/page.js"), "/page.js": outputFiles[0].contents };
    server = await serveFolder({ path: "/nowhere", files });
    const { VK_ICD_FILENAMES: _, ...env } = process.env; // gpu.ts names a renderer there, which has no shader-f16
    browser = await firefox.launch({
      env: env as Record<string, string>,
      channel: "moz-firefox",
      executablePath: firefoxPath,
      firefoxUserPrefs: { "dom.webgpu.enabled": true, "gfx.webgpu.ignore-blocklist": true },
    });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  const done = <Result>(request: Request) => doJob<Result | string>(browser, server.url, request);

  test.for(["Conv", "Gemm", "MatMul"] as const)(
    "%s in float16 is within a thousandth of the reference's range in all its cases",
    async (op, context) => {
      const results = await done<CaseResult[]>({ op });
      if (typeof results === "string") return context.skip(results);
      expect(results.filter(({ off }) => !(off < 0.001))).toEqual([]);
      const kernels = results.flatMap(({ kernels }) => kernels);
      expect(kernels.filter((kernel) => kernel.endsWith("_f16")).length).toBeGreaterThan(3);
    },
  );

  test("a model whose outputs agree runs in float16, and how far it is off is told", async (context) => {
    const result = await done<LoadResult>({ factor: 1 });
    if (typeof result === "string") return context.skip(result);
    expect(result.reasons.join("; ")).toMatch(/webgpu: float16 is used: output 'y' is off by 0\.000\d+/);
    expect(result.kernels.at(-1)).toMatch(/_f16$/);
    expect(result.off).toBeLessThan(0.001);
    expect(result.off).toBeGreaterThan(1e-6); // float32 would be closer
  });

  test("a model that float16 does not hold is refused when it is loaded, and runs in float32", async (context) => {
    const result = await done<LoadResult>({ factor: 1e6 });
    if (typeof result === "string") return context.skip(result);
    expect(result.reasons.join("; ")).toMatch(
      /float16 is not used: output 'y' is off by .*at most 0\.01/,
    );
    expect(result.kernels.at(-1)).not.toMatch(/f16/);
    expect(result.off).toBeLessThan(1e-5);
  });
});

describe.skipIf(whyNoGpu !== undefined)(whyNoGpu ?? "on Dawn, where there is no shader-f16", () => {
  test("the model runs in float32, and the reason is told", async () => {
    const graph = tinyClassifier();
    const bytes = await writeModel(graph);
    const options = { backend: "webgpu", precision: "f16", threads: 1, cache: false } as const;
    const { executable, info } = await prepareModel(bytes, options);
    expect(info.capabilities.backend).toBe("webgpu");
    expect(info.capabilities.reasons.join("; ")).toMatch(/float16 is not used: '.*' has no shader-f16/);
    const inputs = { image: tensor([1, 3, 9, 9], tinyImage(1)) };
    expectSame(await executable.run(inputs), await runOn(reference, graph, inputs), 1e-4);
    executable.dispose();
  });

  test("another precision is an error that names the two", async () => {
    const bytes = await writeModel(tinyClassifier());
    const options = { backend: "webgpu", precision: "int8" as "f16", threads: 1, cache: false } as const;
    await expect(prepareModel(bytes, options)).rejects.toThrow(
      /precision is "int8"; expected f32 or f16/,
    );
  });
});
