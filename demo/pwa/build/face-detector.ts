/**
 * Vite plugin: Google's face detector, which was published twice, dense and pruned. Both are imported from the .tflite
 * files of its npm package and written as .filigree files. `virtual:face-detector` tells where they are.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "vite";
import { type Graph, importTflite, pack, simplify, writeModel } from "../../../pruner/index.ts";

const require = createRequire(import.meta.url);

export const faceDetectorFiles = {
  dense: require.resolve("@mediapipe/face_detection/face_detection_full_range.tflite"),
  sparse: require.resolve("@mediapipe/face_detection/face_detection_full_range_sparse.tflite"),
};

/** What a page needs to load a model and to know that it is whole. */
export interface ModelFile {
  readonly url: string; // relative to the page
  readonly bytes: number;
  readonly integrity: string; // "sha256-" and base64
}

const id = "virtual:face-detector";

export function faceDetector(): Plugin {
  const files: Record<string, Uint8Array> = {};
  let code = "";
  return {
    name: "face-detector",
    async buildStart() {
      const described: Record<string, ModelFile> = {};
      for (const [name, file] of Object.entries(faceDetectorFiles)) {
        described[name] = await write(name, pack(simplify(importTflite(readFileSync(file)))).graph);
      }
      code = `export default ${JSON.stringify(described)}`;
    },
    resolveId: (source) => (source === id ? `\0${id}` : undefined),
    load: (source) => (source === `\0${id}` ? code : undefined),
    generateBundle() {
      for (const [fileName, source] of Object.entries(files)) {
        this.emitFile({ type: "asset", fileName, source });
      }
    },
  };

  async function write(name: string, graph: Graph): Promise<ModelFile> {
    const bytes = await writeModel(graph);
    const hash = createHash("sha256").update(bytes).digest();
    const url = `models/face-detector-${name}-${hash.toString("hex").slice(0, 8)}.filigree`;
    files[url] = bytes;
    return { url, bytes: bytes.length, integrity: `sha256-${hash.toString("base64")}` };
  }
}
