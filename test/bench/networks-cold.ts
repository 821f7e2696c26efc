/**
 * The page that starts one engine from nothing, as a web page would: Filigree by its `load`, the others in the page
 * itself. A new browser has neither code nor models of it. The server is on the same machine: what bytes cost on the
 * way is not in the times. The second start of Filigree is in a page that had a session of the model before: its bytes,
 * and what it was prepared to, lie in the browser's database.
 */
import type * as Filigree from "../../runtime/index.ts";
import { type Shape, type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { type EngineName, engineFiles, openEngine, read } from "./networks-engines.ts";

/** Which start: each engine's first, and Filigree's second. */
export type StartName = EngineName | "filigree, second start";

export interface ColdRequest {
  readonly folder: string; // url of the network's files
  readonly input: { readonly name: string; readonly shape: Shape };
  readonly engine: StartName;
  readonly threads: number;
}

export interface ColdStart {
  readonly bytes: number; // fetched: the model and the engine's own files, as they lie on the server
  readonly loadMs: number; // until the model's bytes are there; of Filigree the engine too
  readonly prepareMs: number; // until it can run; of the others loading the engine too
  readonly firstRunMs: number;
}

const filigree = "/built/index.js";

Object.assign(globalThis, { job: coldStart });

async function coldStart({ folder, input, engine, threads }: ColdRequest): Promise<ColdStart> {
  const values = new Float32Array((await read(`${folder}input`)).buffer as ArrayBuffer);
  const inputs = { [input.name]: tensor(input.shape, values) };
  const isSecond = engine === "filigree, second start";
  const url = folder + engineFiles[isSecond ? "filigree" : engine].file;
  const integrity = isSecond ? await startBefore(url, inputs, threads) : undefined;
  performance.clearResourceTimings();

  const start = performance.now();
  let loaded = start;
  let run: () => Promise<unknown>;
  if (engine === "filigree" || engine === "filigree-dense" || isSecond) {
    const { load }: typeof Filigree = await import(/* @vite-ignore */ filigree);
    const session = await load(url, {
      threads,
      cache: isSecond,
      integrity,
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

/** A session as a page has one, for as long as what it was prepared to takes to be kept. The file's hash. */
async function startBefore(
  url: string,
  inputs: Record<string, Tensor>,
  threads: number,
): Promise<string> {
  const { load }: typeof Filigree = await import(/* @vite-ignore */ filigree);
  const session = await load(url, { threads });
  await session.run(inputs);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  session.dispose();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", (await read(url)) as BufferSource));
  return `sha256-${btoa(String.fromCharCode(...hash))}`;
}
