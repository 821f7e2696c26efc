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

/** Tests that run in a page of Chromium. */
function browserProject(executablePath: string, name: string, include: string, args: readonly string[]) {
  return {
    server: { headers: isolation },
    optimizeDeps: { include: ["comlink", "idb-keyval"], exclude: ["onnxruntime-web"] },
    test: {
      name,
      include: [include],
      testTimeout: 120_000,
      hookTimeout: 120_000,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions: { executablePath, args: [...chromiumArgs, ...args] } }),
        instances: [{ browser: "chromium" as const }],
      },
    },
  };
}

/** WebGPU, and frames of a camera for it, on the software renderer that Chromium brings along. */
const softwareGpu = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-unsafe-swiftshader",
  "--ignore-gpu-blocklist",
  "--use-vulkan=swiftshader",
  "--use-angle=vulkan",
  "--enable-features=Vulkan",
];

export default defineConfig({
  test: {
    reporters: ["default", "./test/reporter.ts"],
    projects: [
      {
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/browser/**", "test/webgpu/browser/**"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      ...(chromium
        ? [
            browserProject(chromium, "browser", "test/browser/**/*.test.ts", []),
            browserProject(chromium, "gpu", "test/webgpu/browser/**/*.test.ts", softwareGpu),
          ]
        : []),
    ],
  },
});
