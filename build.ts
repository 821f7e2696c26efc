/**
 * Builds dist/: the three files that a web page downloads (index, worker, thread: minified, nothing left to
 * bundle), the page of the benchmark, the command line and the library for Node, and the types of all.
 * Fails where what a page downloads reaches `maxBrotliBytes`.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { build, type InlineConfig, type Plugin } from "vite";

const root = fileURLToPath(new URL("./", import.meta.url));
const maxBrotliBytes = 60_000;

/** One self-contained file each, so that they can be copied to any server. */
export const runtimeFiles = {
  index: "runtime/index.ts",
  worker: "runtime/worker.ts",
  thread: "runtime/backends/wasm/thread.ts",
};
const nodeFiles = {
  cli: "pruner/cli.ts",
  pruner: "pruner/index.ts",
  bench: "pruner/bench/index.ts",
  "bench-page": "pruner/bench/page.ts",
  "bench-worker": "pruner/bench/bench-worker.ts",
};

/**
 * `new URL("./a/worker.ts", import.meta.url)` becomes "./worker.js": every file lies in dist/ itself. The literal
 * `new Worker(new URL(…))` is kept as it is, because it is what the bundler of a web app looks for.
 */
const workerAddresses: Plugin = {
  name: "worker-addresses",
  enforce: "pre",
  transform: {
    filter: { code: "import.meta.url" },
    handler: (code) =>
      code.replaceAll(
        /new URL\(\s*"\.[^"]*?([\w-]+)\.ts",\s*import\.meta\.url\s*,?\s*\)/g,
        'new URL(/* @vite-ignore */ "./$1.js", import.meta.url)',
      ),
  },
};

const shared = {
  root,
  configFile: false,
  logLevel: "warn",
  publicDir: false,
  plugins: [workerAddresses],
} satisfies InlineConfig;

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();

async function main(): Promise<void> {
  rmSync(`${root}dist`, { recursive: true, force: true });
  for (const [name, file] of Object.entries(runtimeFiles)) await buildForBrowser(name, file);
  await buildForBrowser("bench/page", "demo/bench/page.ts");
  await buildForNode(nodeFiles);
  chmodSync(`${root}dist/cli.js`, 0o755);
  buildTypes();
  weigh(Object.keys(runtimeFiles));
}

/** One minified module with everything in it: `file` (from the root) -> `${outDir}/${name}.js`. */
export async function buildForBrowser(name: string, file: string, outDir = "dist"): Promise<void> {
  await build({
    ...shared,
    build: {
      outDir,
      emptyOutDir: false,
      target: ["chrome111", "firefox114", "safari16.4"], // the first with wasm SIMD and module workers
      chunkSizeWarningLimit: 3000, // kB: a benchmark bundles its baselines; what a page downloads is weighed below
      modulePreload: false,
      rolldownOptions: {
        input: { [name]: root + file },
        preserveEntrySignatures: "strict",
        output: { format: "es", entryFileNames: "[name].js", minify: true, codeSplitting: false },
      },
    },
  });
}

/** Modules for Node; dependencies are resolved where the package is installed. */
export async function buildForNode(
  files: Readonly<Record<string, string>>,
  outDir = "dist",
): Promise<void> {
  await build({
    ...shared,
    build: {
      outDir,
      emptyOutDir: false,
      target: "node20",
      ssr: true,
      rolldownOptions: {
        input: Object.fromEntries(Object.entries(files).map(([name, file]) => [name, root + file])),
        // Shared parts lie beside the entries: the addresses of workers in them are relative to dist/.
        output: { format: "es", entryFileNames: "[name].js", chunkFileNames: "shared-[hash].js" },
      },
    },
  });
}

function buildTypes(): void {
  const tsc = fileURLToPath(import.meta.resolve("typescript/bin/tsc"));
  execFileSync(process.execPath, [tsc, "-p", `${root}tsconfig.build.json`], { stdio: "inherit" });
}

/** Prints the bytes of what a web page downloads. */
function weigh(names: readonly string[]): void {
  let [rawBytes, brotliBytes] = [0, 0];
  for (const name of names) {
    const bytes = readFileSync(`${root}dist/${name}.js`);
    const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
    console.log(line(`dist/${name}.js`, bytes.length, packed.length));
    rawBytes += bytes.length;
    brotliBytes += packed.length;
  }
  console.log(line("what a web page downloads", rawBytes, brotliBytes));
  if (brotliBytes >= maxBrotliBytes) {
    console.error(
      `the runtime is ${brotliBytes} bytes in brotli; it has to stay below ${maxBrotliBytes}`,
    );
    process.exit(1);
  }
}

function line(what: string, rawBytes: number, brotliBytes: number): string {
  return `${what.padEnd(26)} ${String(rawBytes).padStart(8)} bytes ${String(brotliBytes).padStart(7)} brotli`;
}
