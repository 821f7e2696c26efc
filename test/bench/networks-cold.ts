/**
 * The page that starts one engine from nothing, as a web page would: Filigree by its `load`, the others in the page
 * itself. A new browser has neither code nor models of it. The server is on the same machine: what bytes cost on the
 * way is not in the times.
 */
import type * as Filigree from "../../runtime/index.ts";
import { type Shape, tensor } from "../../runtime/model/tensor.ts";
import { type EngineName, engineFiles, openEngine, read } from "./networks-engines.ts";

export interface ColdRequest {
  readonly folder: string; // url of the network's files
  readonly input: { readonly name: string; readonly shape: Shape };
  readonly engine: EngineName;
  readonly threads: number;
}

export interface ColdStart {
  readonly bytes: number; // fetched: the model and the engine's own files, as they lie on the server
  readonly loadMs: number; // until the model's bytes are there; of Filigree the engine too
  readonly prepareMs: number; // until it can run; of the others loading the engine too
  readonly firstRunMs: number;
}

Object.assign(globalThis, { job: coldStart });

async function coldStart({ folder, input, engine, threads }: ColdRequest): Promise<ColdStart> {
  const values = new Float32Array((await read(`${folder}input`)).buffer as ArrayBuffer);
  const inputs = { [input.name]: tensor(input.shape, values) };
  performance.clearResourceTimings();
  const url = folder + engineFiles[engine].file;

  const start = performance.now();
  let loaded = start;
  let run: () => Promise<unknown>;
  if (engine === "filigree" || engine === "filigree-dense") {
    const { load }: typeof Filigree = await import(/* @vite-ignore */ `${"/built/"}index.js`);
    const session = await load(url, {
      threads,
      cache: false,
      onProgress: ({ phase }) => {
        if (phase === "download") loaded = performance.now();
      },
    });
    run = () => session.run(inputs);
  } else {
    const model = await read(url);
    loaded = performance.now();
    const opened = await openEngine(engine, model, threads);
    run = () => opened.run(inputs);
  }
  const prepared = performance.now();
  await run();
  const end = performance.now();
  const files = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
  return {
    bytes: files.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
    loadMs: loaded - start,
    prepareMs: prepared - loaded,
    firstRunMs: end - prepared,
  };
}
