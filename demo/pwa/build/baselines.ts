/** Vite plugin: the files of onnxruntime-web and LiteRT.js, beside the app. The page asks for them only when told to. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

const require = createRequire(import.meta.url);
const folderOf = (file: string) => dirname(require.resolve(file));

/** By folder of the app: where the files lie, and which of them a browser may ask for. */
const baselines = {
  ort: {
    folder: () => folderOf("onnxruntime-web/wasm"),
    files: /^ort(\.wasm\.bundle\.min\.mjs|-wasm-simd-threaded\.(mjs|wasm))$/,
  },
  litert: {
    folder: () => join(folderOf("@litertjs/core/package.json"), "wasm"),
    files: /^litert_wasm(_compat|_threaded)?_internal\.(js|wasm)$/,
  },
};

export function baselineFiles(): Plugin {
  return {
    name: "baseline-files",
    generateBundle() {
      for (const [name, { folder, files }] of Object.entries(baselines)) {
        for (const file of readdirSync(folder()).filter((each) => files.test(each))) {
          const source = readFileSync(join(folder(), file));
          this.emitFile({ type: "asset", fileName: `baselines/${name}/${file}`, source });
        }
      }
    },
  };
}
