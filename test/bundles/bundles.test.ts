/** The package in the apps of others: bundled by each bundler as it comes, by none, under a strict policy, and in Node. */
import { execFileSync } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { build as esbuild } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { rollup } from "rollup";
import * as vite from "vite";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import webpack from "webpack";
import { chromiumArgs, findChromium, howToGetChromium } from "../../pruner/bench/chromium.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import type { Capabilities } from "../../runtime/session.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";
import { type AppFolder, makeAppFolder } from "./package-folder.ts";
import { doJob, html, isolation, serveFolder } from "./page.ts";

interface Result {
  readonly logits: readonly number[];
  readonly capabilities: Capabilities;
}

const executablePath = findChromium();
const values = [...tinyImage(1)];
let app: AppFolder;
let browser: Browser | undefined;
let model: Uint8Array;
let expected: readonly number[];

beforeAll(async () => {
  app = await makeAppFolder();
  model = await writeModel(tinyClassifier());
  writeFileSync(join(app.path, "model.filigree"), model);
  const executable = await reference.prepare(plan(tinyClassifier()));
  const { logits } = await executable.run({ image: tensor([1, 3, 9, 9], Float32Array.from(values)) });
  expected = [...logits.data];
  if (executablePath) browser = await chromium.launch({ executablePath, args: chromiumArgs });
});
afterAll(async () => {
  await browser?.close();
  app?.remove();
});

function expectRight({ logits, capabilities }: Result, threads: number): void {
  expect(logits).toHaveLength(expected.length);
  for (const [i, logit] of logits.entries()) expect(logit).toBeCloseTo(expected[i], 4);
  expect(capabilities).toMatchObject({ backend: "wasm", threads });
}

type Script = readonly [address: string, type?: "module" | "classic"];

/** Bundles an app into a folder, by the bundler's defaults; gives the script of the page. */
const bundlers: Record<string, (entry: string, out: string) => Promise<Script>> = {
  async Vite(entry, out) {
    writeFileSync(join(app.path, "index.html"), html(`/${entry}`));
    await vite.build({
      root: app.path,
      configFile: false,
      logLevel: "error",
      build: { outDir: out, emptyOutDir: true },
    });
    return ["/"];
  },
  async "webpack 5"(entry, out) {
    const compiler = webpack({
      context: app.path,
      entry: `./${entry}`,
      mode: "production",
      optimization: entry === "main.js" ? undefined : { minimize: false }, // half a minute each time
      output: { path: out },
    });
    await new Promise<void>((resolve, reject) => {
      compiler!.run((error, stats) => {
        if (error || stats?.hasErrors()) reject(error ?? new Error(stats!.toString("errors-only")));
        else resolve();
      });
    });
    return ["/main.js", "classic"];
  },
  async Rollup(entry, out) {
    const bundle = await rollup({ input: join(app.path, entry), plugins: [nodeResolve()] });
    await bundle.write({ dir: out });
    return [`/${entry}`];
  },
  async esbuild(entry, out) {
    const bundle = await esbuild({
      entryPoints: [join(app.path, entry)],
      bundle: true,
      outdir: out,
      logLevel: "error",
    });
    expect(bundle.errors).toEqual([]);
    return [`/${entry}`, "classic"];
  },
  async "esbuild, modules in pieces"(entry, out) {
    const entryPoints = [join(app.path, entry)];
    await esbuild({ entryPoints, bundle: true, outdir: out, format: "esm", splitting: true });
    return [`/${entry}`];
  },
};

/** Serves what a bundler made, opens the page, and gives what its job gives. */
async function runBundle(bundler: string, entry: string, request: object): Promise<Result> {
  const out = join(app.path, `out-${bundler.replaceAll(/\W/g, "-")}-${entry}`);
  const [address, type] = await bundlers[bundler](entry, out);
  const files = { "/model.filigree": model, ...(address === "/" ? {} : { "/": html(address, type) }) };
  if (address === "/") cpSync(join(out, "index.html"), join(out, "index.htm"));
  const page = address === "/" ? "/index.html" : "/";
  const server = await serveFolder({ path: out, files, headers: isolation });
  try {
    return await doJob<Result>(browser!, server.url + page, request);
  } finally {
    server.close();
  }
}

describe("in a page", () => {
  beforeEach((context) => {
    if (!executablePath) context.skip(howToGetChromium);
  });

  test.each(Object.keys(bundlers))("a bundle of %s runs the model, on two threads", async (bundler) => {
    expectRight(await runBundle(bundler, "main.js", { values, options: { threads: 2 } }), 2);
  });

  test.each(["Vite", "webpack 5"])("an app's own worker in a bundle of %s", async (bundler) => {
    expectRight(await runBundle(bundler, "own-worker.js", { values }), 2);
  });

  test.each(["Vite", "webpack 5"])(
    "worker: false in an app's worker in a bundle of %s",
    async (bundler) => {
      expectRight(await runBundle(bundler, "in-worker.js", { values }), 2);
    },
  );

  test("Vite's development server, which bundles dependencies before", async () => {
    writeFileSync(join(app.path, "index.html"), html("/main.js"));
    const server = await vite.createServer({
      root: app.path,
      configFile: false,
      logLevel: "error",
      server: { port: 0, host: "127.0.0.1", headers: isolation },
    });
    try {
      await server.listen();
      const [url] = server.resolvedUrls!.local;
      expectRight(await doJob<Result>(browser!, url, { values, options: { threads: 2 } }), 2);
    } finally {
      await server.close();
    }
  });

  describe("without a bundler", () => {
    const dist = "/node_modules/filigree/dist";
    const policy =
      "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; img-src data:";
    const load = (from: string, worker = "undefined") => `import { load, tensor } from "${from}";
globalThis.job = async ({ values, options }) => {
  const session = await load("/model.filigree", { cache: false, worker: ${worker}, ...options });
  const { logits } = await session.run({ image: tensor([1, 3, 9, 9], new Float32Array(values)) });
  return { logits: [...logits.data], capabilities: session.capabilities };
};`;

    test.each<[claim: string, headers: Record<string, string>, threads: number]>([
      ["an isolated page", isolation, 2],
      ["a page that is not isolated", {}, 1],
      ["a page with a strict policy", { ...isolation, "Content-Security-Policy": policy }, 2],
    ])("%s imports the module", async (_, headers, threads) => {
      const files = { "/": html("/page.js"), "/page.js": load(`${dist}/index.js`) };
      const server = await serveFolder({ path: app.path, files, headers });
      try {
        expectRight(await doJob<Result>(browser!, server.url, { values }), threads);
        const asked = server.asked.filter((address) => address.startsWith(dist));
        const needed = ["index", "worker", ...(threads > 1 ? ["thread"] : [])];
        expect(asked).toEqual(needed.map((name) => `${dist}/${name}.js`));
      } finally {
        server.close();
      }
    });

    test("a page imports the module from another origin, where no worker may come from", async () => {
      const headers = { "Access-Control-Allow-Origin": "*", ...isolation };
      const far = await serveFolder({ path: app.path, headers });
      const files = { "/": html("/page.js"), "/page.js": load(`${far.url}${dist}/index.js`) };
      const server = await serveFolder({ path: app.path, files, headers: isolation });
      try {
        expectRight(await doJob<Result>(browser!, server.url, { values }), 2);
      } finally {
        far.close();
        server.close();
      }
    });

    test("a bundle without its worker says, under a strict policy, what to do, and does it", async () => {
      const out = join(app.path, "out-strict");
      await bundlers.Rollup("main.js", out);
      const headers = { ...isolation, "Content-Security-Policy": policy };
      const files = { "/": html("/main.js"), "/model.filigree": model };
      const bare = await serveFolder({ path: out, files, headers });
      try {
        const job = doJob<Result>(browser!, bare.url, { values });
        await expect(job).rejects.toThrow(
          /worker did not start.*copy worker\.js and thread\.js.*option worker/s,
        );
      } finally {
        bare.close();
      }
      for (const name of ["worker.js", "thread.js"]) cpSync(join(app.path, dist, name), join(out, name));
      const given = load(`${dist}/index.js`, '() => new Worker("/worker.js", { type: "module" })');
      writeFileSync(join(app.path, "given.js"), given.replace(`${dist}/index.js`, "filigree"));
      await bundlers.Rollup("given.js", out);
      const whole = await serveFolder({
        path: out,
        files: { ...files, "/": html("/given.js") },
        headers,
      });
      try {
        expectRight(await doJob<Result>(browser!, whole.url, { values }), 2);
      } finally {
        whole.close();
      }
    });
  });
});

test("Node runs the model in a worker thread of the app", () => {
  const args = [join(app.path, "node.js"), join(app.path, "model.filigree"), JSON.stringify(values)];
  const result: Result = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
  expectRight(result, 1);
});
