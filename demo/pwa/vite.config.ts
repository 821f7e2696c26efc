/**
 * Builds the demo into out/demo: static files with relative addresses, for any server, under any path, with or without
 * headers of isolation. `FILIGREE_DEMO_OUT` names another folder.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { VitePWA } from "vite-plugin-pwa";
import { baselineFiles } from "./build/baselines.ts";
import { faceDetector } from "./build/face-detector.ts";
import { drawnIcons, manifestIcons } from "./build/icons.ts";

const here = fileURLToPath(new URL("./", import.meta.url));
const outDir =
  process.env.FILIGREE_DEMO_OUT ?? fileURLToPath(new URL("../../out/demo", import.meta.url));

/** Training is for the command line: what runs it there is not part of a page. */
const external = ["onnxruntime-node", /^node:/];

export default defineConfig({
  root: here,
  base: "./",
  publicDir: false,
  plugins: [
    faceDetector(),
    drawnIcons(),
    baselineFiles(),
    VitePWA({
      strategies: "injectManifest",
      srcDir: ".",
      filename: "service-worker.ts",
      injectRegister: false,
      includeManifestIcons: false,
      manifest: {
        name: "Filigree: sparse networks in the browser",
        short_name: "Filigree",
        description: "Runs pruned neural networks on this device, and measures how fast they are here.",
        start_url: "./",
        scope: "./",
        id: "./",
        display: "standalone",
        categories: ["developer", "utilities"],
        background_color: "#11151b",
        theme_color: "#11151b",
        icons: manifestIcons,
      },
      injectManifest: {
        globPatterns: ["**/*.{html,js,css,png,jpg,filigree,webmanifest}"],
        globIgnores: ["baselines/**"],
        maximumFileSizeToCacheInBytes: 16 * 2 ** 20, // a model that is left out silently would not work offline
        manifestTransforms: [withIntegrity],
      },
    }),
  ],
  worker: { format: "es", rolldownOptions: { external } },
  build: {
    outDir,
    emptyOutDir: true,
    target: ["chrome111", "firefox114", "safari16.4"],
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { external },
  },
});

/** With its hash, Workbox fetches a file anew that has vanished from its cache, and puts it back. */
function withIntegrity<Entry extends { url: string }>(manifest: readonly Entry[]) {
  return {
    manifest: manifest.map((entry) => {
      const hash = createHash("sha256")
        .update(readFileSync(`${outDir}/${entry.url}`))
        .digest("base64");
      return { ...entry, integrity: `sha256-${hash}` };
    }),
  };
}
