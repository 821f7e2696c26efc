/** The package in other browsers: the same answers where there is another engine, and where relaxed SIMD is missing. */
import { existsSync } from "node:fs";
import { firefox } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import type { Capabilities } from "../../runtime/session.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";
import { type AppFolder, makeAppFolder } from "./package-folder.ts";
import { doJob, html, isolation, serveFolder } from "./page.ts";
import { doJobInWebKit, hasWebKit } from "./webkit.ts";

interface Result {
  readonly logits: readonly (readonly number[])[]; // of each load
  readonly capabilities: Capabilities;
}

const firefoxPath = process.env.FIREFOX_PATH ?? "/usr/bin/firefox-esr";
const values = [...tinyImage(1)];
let app: AppFolder;
let server: Awaited<ReturnType<typeof serveFolder>>;
let expected: readonly number[];

/** Loads twice, the second time from the cache, and runs a tensor. */
const page = `import { load, tensor } from "/node_modules/filigree/dist/index.js";
globalThis.job = async ({ values }) => {
  const logits = [];
  for (const url of ["/model.filigree", "/model.filigree"]) {
    const session = await load(url, { threads: 2 });
    const outputs = await session.run({ image: tensor([1, 3, 9, 9], new Float32Array(values)) });
    logits.push([...outputs.logits.data]);
    globalThis.capabilities = session.capabilities;
    session.dispose();
  }
  return { logits, capabilities };
};`;

beforeAll(async () => {
  app = await makeAppFolder();
  const model = await writeModel(tinyClassifier());
  const files = { "/": html("/page.js"), "/page.js": page, "/model.filigree": model };
  server = await serveFolder({ path: app.path, files, headers: isolation });
  const executable = await reference.prepare(plan(tinyClassifier()));
  const { logits } = await executable.run({ image: tensor([1, 3, 9, 9], Float32Array.from(values)) });
  expected = [...logits.data];
});
afterAll(() => {
  server?.close();
  app?.remove();
});

function expectRight({ logits, capabilities }: Result): void {
  expect(logits).toHaveLength(2);
  for (const each of logits) {
    expect(each).toHaveLength(expected.length);
    for (const [i, logit] of each.entries()) expect(logit).toBeCloseTo(expected[i], 4);
  }
  expect(capabilities.backend).toBe("wasm");
}

describe("the same answers", () => {
  // Once, on a busy machine, it had not ended after two minutes; why is not known.
  test("in Firefox, on two threads", { retry: 1 }, async (context) => {
    if (!existsSync(firefoxPath))
      context.skip(`${firefoxPath} is not here: apt-get install firefox-esr`);
    const browser = await firefox.launch({ channel: "moz-firefox", executablePath: firefoxPath });
    try {
      const result = await doJob<Result>(browser, server.url, { values });
      expectRight(result);
      expect(result.capabilities).toMatchObject({ threads: 2, crossOriginIsolated: true });
    } finally {
      await browser.close();
    }
  });

  if (!hasWebKit) return; // a smoke test where there happens to be one: nobody is asked to get it

  test("in WebKit, which has no relaxed SIMD", async () => {
    const result = await doJobInWebKit<Result>(server.url, { values });
    expectRight(result);
    expect(result.capabilities.relaxedSimd).toBe(false);
  });
});
