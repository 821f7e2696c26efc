/** A model in Chromium, as a page runs it: loaded from its file by `load`, in the worker and its threads. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildForBrowser, runtimeFiles } from "../../build.ts";
import { runInPage } from "../../pruner/bench/browser.ts";
import type { Tensors } from "../../runtime/backends/backend.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import type { PageRequest, PageResult } from "./chromium-page.ts";

let built: Promise<string> | undefined; // the folder of what the page loads

/** Greatest relative error of what the page computes. Throws where it does not run on wasm with so many threads. */
export async function errorInChromium(
  graph: Graph,
  inputs: Tensors,
  expected: Tensors,
  threads: number,
): Promise<number> {
  built ??= build();
  const site = {
    folders: { "/built/": await built },
    files: {
      "/model.filigree": await writeModel(graph),
      ...filesOf("input", inputs),
      ...filesOf("expected", expected),
    },
  };
  const shapesOf = (tensors: Tensors) =>
    Object.entries(tensors).map(([name, { shape }]) => ({ name, shape }));
  const request: PageRequest = {
    inputs: shapesOf(inputs),
    expected: shapesOf(expected),
    threads,
  };
  const result = await runInPage<PageResult>({ site, module: "/built/page.js" }, request);
  if (result.backend !== "wasm" || result.threads !== threads) {
    throw new Error(`it ran on ${result.backend} with ${result.threads} threads: ${result.reasons}`);
  }
  return result.maxRelError;
}

/** Tensors as files: "/input0", "/input1", … */
function filesOf(kind: string, tensors: Tensors): Record<string, Uint8Array> {
  return Object.fromEntries(
    Object.values(tensors).map(({ data }, i) => [
      `/${kind}${i}`,
      new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
    ]),
  );
}

async function build(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "filigree-parity-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const files = { page: "test/parity/chromium-page.ts", ...runtimeFiles };
  for (const [name, file] of Object.entries(files)) await buildForBrowser(name, file, folder);
  return folder;
}
