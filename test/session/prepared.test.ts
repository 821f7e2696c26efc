/** What a model was prepared to is kept in the database of a page that is built, and taken at the next load. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildForBrowser } from "../../build.ts";
import { runInPage } from "../../pruner/bench/browser.ts";
import { findChromium } from "../../pruner/bench/chromium.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { tinyClassifier } from "../fixtures.ts";

/** Each load: the steps of its preparation, and what a run computed. Preparing takes them all, an image only the ends. */
type Loads = Record<string, { readonly steps: readonly number[]; readonly logits: readonly number[] }>;

const page = `
import { load } from "/built/index.js";
const open = () => new Promise((resolve, reject) => {
  const asked = indexedDB.open("filigree-prepared");
  asked.onupgradeneeded = () => asked.result.createObjectStore("prepared");
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});
const ask = async (mode, work) => {
  const database = await open();
  const asked = work(database.transaction("prepared", mode).objectStore("prepared"));
  await new Promise((resolve) => (asked.onsuccess = resolve));
  database.close();
  return asked.result;
};
const keys = async () => (await ask("readonly", (store) => store.getAllKeys())).filter((key) => key !== "index");
const session = async (url, options) => {
  const steps = [];
  const onProgress = ({ phase, loaded }) => phase === "prepare" && steps.push(loaded);
  const opened = await load(url, { threads: 1, onProgress, ...options });
  const image = Float32Array.from({ length: 243 }, (_, i) => Math.sin(i));
  const many = options?.shapes ? Float32Array.from([...image, ...image]) : image;
  const { logits } = await opened.run({ image: many });
  return { opened, row: { steps, logits: Array.from(logits.data).slice(0, 5) } };
};
globalThis.job = async () => {
  const rows = {};
  const again = async (name, url = "/a.filigree", options) => {
    const { opened, row } = await session(url, options);
    opened.dispose();
    rows[name] = row;
  };
  const first = await session("/a.filigree");
  rows.first = first.row;
  while ((await keys()).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const [key] = await keys();
  first.opened.dispose();
  await again("second");
  await again("uncached", "/a.filigree", { cache: false });
  await again("reshaped", "/a.filigree", { shapes: { image: [2, 3, 9, 9] } });
  await again("wanted on the GPU", "/a.filigree", { backend: "auto" });
  await again("other", "/b.filigree");
  const entry = await ask("readonly", (store) => store.get(key));
  entry.bytes[entry.bytes.length >> 1] ^= 1;
  await ask("readwrite", (store) => store.put(entry, key));
  await again("damaged");
  for (const value of [null, "text", { hash: 1 }]) {
    await ask("readwrite", (store) => store.put(value, key));
    await again("spoilt by " + JSON.stringify(value));
  }
  return rows;
};`;

const all = [0, 1, 2, 3];
const built = mkdtempSync(join(tmpdir(), "filigree-prepared-"));
afterAll(() => rmSync(built, { recursive: true }));

let loads: Loads = {};
beforeAll(async () => {
  if (!findChromium()) return;
  await buildForBrowser("index", "runtime/index.ts", built);
  await buildForBrowser("worker", "runtime/worker.ts", built);
  await buildForBrowser("remember", "runtime/remember.ts", built);
  const a = tinyClassifier("batch");
  const b: Graph = { ...a, constants: new Map(a.constants) };
  (b.constants as Map<string, unknown>).set("fc.bias", {
    dtype: "float32",
    shape: [5],
    data: Float32Array.of(5, 4, 3, 2, 1),
  });
  const files = {
    "/page.js": page,
    "/a.filigree": await writeModel(a),
    "/b.filigree": await writeModel(b),
  };
  loads = await runInPage<Loads>(
    { site: { folders: { "/built/": built }, files }, module: "/page.js" },
    {},
  );
}, 120_000);

const inChromium = test.skipIf(!findChromium());

inChromium("the second load takes what the first prepared, and computes the same bits", () => {
  expect(loads.first.steps).toEqual(all);
  expect(loads.second.steps).toEqual([0, 3]);
  expect(loads.second.logits).toEqual(loads.first.logits);
});

inChromium.each(["uncached", "reshaped", "wanted on the GPU"])("%s, it is prepared anew", (name) => {
  expect(loads[name].steps).toEqual(all);
  loads[name].logits.forEach((logit, i) => void expect(logit).toBeCloseTo(loads.first.logits[i], 4));
});

inChromium("another model of the same form is not taken for it", () => {
  expect(loads.other.steps).toEqual(all);
  expect(loads.other.logits).not.toEqual(loads.first.logits);
});

inChromium.each(["damaged", "spoilt by null", 'spoilt by "text"', 'spoilt by {"hash":1}'])(
  "an entry that is %s is not believed: the model is prepared anew",
  (name) => {
    expect(loads[name].steps).toEqual(all);
    expect(loads[name].logits).toEqual(loads.first.logits);
  },
);
