/** The built package, as a page and a bundler find it: no bundler, a page that only imports dist/index.js. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildForBrowser, buildForNode, buildRuntime, filesOnRequest } from "../../build.ts";
import { findChromium, howToGetChromium } from "../../pruner/bench/chromium.ts";
import { type BenchModel, type BenchOptions, benchmark, runInPage } from "../../pruner/bench/index.ts";
import { exportOnnx } from "../../pruner/export/onnx.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import type { Capabilities } from "../../runtime/session.ts";
import { tinyClassifier } from "../fixtures.ts";

// Inside the project, so that the worker finds onnxruntime-web.
const out = fileURLToPath(new URL("../../out/", import.meta.url));
mkdirSync(out, { recursive: true });
const dist = mkdtempSync(join(out, "test-dist-"));
const graph = tinyClassifier();
const samples = Array.from({ length: 4 }, (_, i) => {
  const values = Float32Array.from({ length: 3 * 81 }, (_, j) => Math.sin(1 + i + 0.7 * j));
  return { image: tensor([1, 3, 9, 9], values) };
});
let models: BenchModel[];

beforeAll(async () => {
  await buildRuntime(dist);
  await buildForBrowser("bench/page", "demo/bench/page.ts", dist);
  await buildForNode({ "bench-worker": "pruner/bench/bench-worker.ts" }, dist);
  const model = await writeModel(graph);
  models = [
    { name: "onnxruntime-web", kind: "onnxruntime-web", model: exportOnnx(graph), threads: 1 },
    { name: "filigree", kind: "filigree", model, threads: 1 },
  ];
});
afterAll(() => rmSync(dist, { recursive: true }));

describe("what a page downloads", () => {
  const text = (file: string) => readFileSync(join(dist, file), "utf8");

  test("is three files, and some that these import where they are needed, and nothing else", () => {
    const onRequest = Object.keys(filesOnRequest).map((name) => `${name}.js`);
    expect(readdirSync(dist)).toEqual(
      expect.arrayContaining(["index.js", "worker.js", "thread.js", ...onRequest]),
    );
    for (const file of ["index.js", "worker.js", "thread.js", ...onRequest]) {
      const rest = onRequest.reduce(
        (code, name) => code.replaceAll(`import(\`./${name}\`)`, ""),
        text(file),
      );
      expect(rest).not.toMatch(/\bimport\s*[{*"'`(]|\bfrom\s*["'`]|\brequire\(/);
    }
  });

  test("names its workers in the way that bundlers look for", () => {
    const workerOf = (file: string) =>
      /new Worker\(new URL\([`"']\.\/(\w+)\.js[`"'],\s*import\.meta\.url\)/.exec(file);
    expect(workerOf(text("index.js"))?.[1]).toBe("worker");
    expect(workerOf(text("worker.js"))?.[1]).toBe("thread");
  });

  test.for([
    { threads: 1, isolated: true },
    { threads: 2, isolated: true },
    { threads: 2, isolated: false },
  ])(
    "runs a model in a page, $threads threads, isolated: $isolated",
    async ({ threads, isolated }, ctx) => {
      if (!findChromium()) ctx.skip(howToGetChromium);
      const page = `import { load, tensor } from "/dist/index.js";
      globalThis.job = async ({ threads, values }) => {
        const session = await load("/model", { threads, cache: false });
        const image = tensor([1, 3, 9, 9], new Float32Array(values));
        const { logits } = await session.run({ image });
        session.dispose();
        return { logits: [...logits.data], capabilities: session.capabilities };
      };`;
      const files = { "/page.js": page, "/model": models[1].model };
      const site = { folders: { "/dist/": dist }, files, isolated };
      const { image } = samples[0];
      const result = await runInPage<{ logits: number[]; capabilities: Capabilities }>(
        { site, module: "/page.js", timeoutMs: 60_000 },
        { threads, values: [...image.data] },
      );
      const expected = await (await reference.prepare(plan(graph))).run({ image });
      const { capabilities } = result;
      expect(capabilities).toMatchObject({
        backend: "wasm",
        threads: isolated ? threads : 1,
        crossOriginIsolated: isolated,
      });
      if (isolated) expect(capabilities.reasons).toEqual([]);
      else
        expect(capabilities.reasons).toEqual([
          expect.stringMatching(/one thread.*not cross-origin isolated.*headers/),
        ]);
      result.logits.forEach((logit, i) => {
        expect(logit).toBeCloseTo(expected.logits.data[i], 4);
      });
    },
  );
});

describe("benchmark", () => {
  const options = (place: BenchOptions["place"]) => ({ place, dist, rounds: 2, classify: true });

  test.for(["chromium", "node"] as const)(
    "gives times, errors and classes from %s",
    async (place, ctx) => {
      if (place === "chromium" && !findChromium()) ctx.skip(howToGetChromium);
      const { comparisons, ...result } = await benchmark(models, samples, options(place));
      expect(result.place).toBe(place);
      expect(comparisons.map(({ name }) => name)).toEqual(["onnxruntime-web", "filigree"]);
      for (const { timing, maxError, classes } of comparisons) {
        expect(timing!.samplesMs).toHaveLength(2);
        expect(timing!.minMs).toBeGreaterThan(0);
        expect(maxError).toBeLessThan(1e-4);
        expect(classes).toEqual(comparisons[0].classes);
      }
      expect(comparisons[0].classes).toHaveLength(samples.length);
    },
  );

  test("names the model's fault when it cannot be loaded", async () => {
    const broken = models[1].model.slice();
    broken[60] ^= 1;
    const run = benchmark([{ ...models[1], model: broken }], samples, options("node"));
    await expect(run).rejects.toThrow(/hash|damaged|SHA/i);
  });
});
