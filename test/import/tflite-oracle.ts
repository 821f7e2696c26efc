/** LiteRT.js, the maker's own engine, as the oracle of TFLite files. It runs in Node as in a page. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { compileFunction } from "node:vm";
import * as litert from "@litertjs/core";
import { type LitertModule, openLitert } from "../../pruner/bench/litert.ts";
import type { Tensors } from "../../runtime/backends/backend.ts";
import type { Graph } from "../../runtime/model/graph.ts";

const folder = new URL("../wasm/", import.meta.resolve("@litertjs/core")).pathname;

/** Inputs and outputs are NCHW, in the file's order. */
export async function runLitert(file: Uint8Array, inputs: Tensors): Promise<Tensors> {
  pretendToBeWorker();
  const engine = await openLitert(litert as unknown as LitertModule, folder, "litert", file, 1);
  try {
    return await engine.run(inputs);
  } finally {
    await engine.dispose();
  }
}

/** The outputs called as `like`, place by place: names may differ between files of one network. */
export function inOrderOf(like: Tensors, outputs: Tensors): Tensors {
  const values = Object.values(outputs);
  return Object.fromEntries(Object.keys(like).map((name, i) => [name, values[i]]));
}

/** The inputs called as the graph's own, place by place. */
export function toInputsOf({ inputs }: Graph, given: Tensors): Tensors {
  const values = Object.values(given);
  return Object.fromEntries(inputs.map(({ name }, i) => [name, values[i]]));
}

/** What LiteRT.js looks for where it loads its script, which is CommonJS in a package of ES modules. */
function pretendToBeWorker(): void {
  Object.assign(globalThis, {
    self: globalThis,
    document: {}, // so that nothing else stands in for importScripts
    importScripts: (path: string) => {
      const module = { exports: {} };
      const names = ["module", "exports", "require", "__filename", "__dirname"];
      const script = compileFunction(readFileSync(path, "utf8"), names);
      script(module, module.exports, createRequire(path), path, dirname(path));
      Object.assign(globalThis, { ModuleFactory: module.exports });
    },
  });
}
