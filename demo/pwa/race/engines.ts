/** The engines of a race, opened in the calling worker: all compute there, so that all pay the same for their inputs. */
import {
  type Engine,
  type LitertModule,
  type OrtModule,
  openLitert,
  openOrt,
} from "../../../pruner/bench/page.ts";
import { load, type ProfileRow, type Session, type Tensor } from "../../../runtime/index.ts";

export type EngineKind = "filigree" | "onnxruntime-web" | "litert";

export interface RaceEngine extends Engine {
  readonly session?: Session;
}

/** `base`: where the app lies; the files of the other engines lie in its folder baselines/. */
export async function openEngine(
  kind: EngineKind,
  name: string,
  model: Uint8Array,
  { threads, base }: { readonly threads: number; readonly base: string },
): Promise<RaceEngine> {
  if (kind === "filigree") return openFiligree(name, model, threads);
  if (kind === "onnxruntime-web") {
    const folder = new URL("baselines/ort/", base).href;
    const ort: OrtModule = await import(/* @vite-ignore */ `${folder}ort.wasm.bundle.min.mjs`);
    ort.env.wasm.wasmPaths = folder;
    return openOrt(ort, name, model, threads);
  }
  const litert = (await import("@litertjs/core")) as unknown as LitertModule;
  return openLitert(litert, new URL("baselines/litert/", base).href, name, model, threads);
}

/**
 * Without copies that the others do not make: inputs are given away, which in this thread leaves them where they are,
 * and outputs go into the arrays of the run before.
 */
async function openFiligree(name: string, model: Uint8Array, threads: number): Promise<RaceEngine> {
  const session = await load(model, { threads, backend: "wasm", worker: false, cache: false });
  let last: Record<string, Tensor> | undefined;
  return {
    name,
    session,
    capabilities: { ...session.capabilities },
    run: async (inputs) =>
      (last = await session.run(inputs as Record<string, Tensor>, { transfer: true, reuse: last })),
    profile: (inputs, runs): Promise<readonly ProfileRow[]> =>
      session.profile(inputs as Record<string, Tensor>, runs),
    dispose: () => session.dispose(),
  };
}
