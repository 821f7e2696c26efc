import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { chromiumArgs, findChromium } from "./pruner/bench/chromium.ts";

const chromium = findChromium();

// Cross-origin isolation: what shared memory, and so threads, need.
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

export default defineConfig({
  test: {
    reporters: ["default", "./test/reporter.ts"],
    projects: [
      {
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/browser/**"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      ...(chromium
        ? [
            {
              server: { headers: isolation },
              optimizeDeps: { include: ["comlink", "idb-keyval"], exclude: ["onnxruntime-web"] },
              test: {
                name: "browser",
                include: ["test/browser/**/*.test.ts"],
                testTimeout: 120_000,
                hookTimeout: 120_000,
                browser: {
                  enabled: true,
                  headless: true,
                  screenshotFailures: false,
                  provider: playwright({
                    launchOptions: {
                      executablePath: chromium,
                      args: [...chromiumArgs, "--enable-unsafe-webgpu"], // on the software renderer it brings along
                    },
                  }),
                  instances: [{ browser: "chromium" as const }],
                },
              },
            },
          ]
        : []),
    ],
  },
});
