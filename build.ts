/**
 * Builds dist/: the three files that a web page downloads (index, worker, thread: minified, nothing left to
 * bundle), the page of the benchmark, the command line and the library for Node, and the types of all.
 * Fails where what a page downloads reaches `maxBrotliBytes`.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs";
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
/** Imported by the others where they need them: most pages never do. */
export const filesOnRequest = {
  debug: "runtime/debug.ts",
  images: "runtime/images.ts",
  local: "runtime/local.ts",
  remember: "runtime/remember.ts",
  pixels: "runtime/pixels.ts",
  room: "runtime/room.ts",
  scripts: "runtime/scripts.ts",
  "sha256-loop": "runtime/model/sha256-loop.ts",
  webgpu: "runtime/webgpu.ts",
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

/** `import("./local.ts")` stays an import, of a file in dist/ that is built by itself. */
const importsOnRequest: Plugin = {
  name: "imports-on-request",
  enforce: "pre",
  resolveId: {
    filter: { id: new RegExp(`^\\./(${Object.keys(filesOnRequest).join("|")})\\.ts$`) },
    handler: (id) => ({ id: id.replace(".ts", ".js"), external: true }),
  },
};

/** The comments that tools leave behind: one would tell the bundler of a web app to look away from a worker. */
const noComments: Plugin = {
  name: "no-comments",
  enforce: "post",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== "chunk") continue;
      const comments = /\s*\/\* @(?:vite-ignore|__PURE__) \*\/\s*/g;
      file.code = file.code.replaceAll(comments, (_, at: number, code: string) =>
        /\w/.test(code[at - 1]) ? " " : "",
      );
    }
  },
};

const shared = {
  root,
  configFile: false,
  logLevel: "warn",
  publicDir: false,
  /** Names the code that a page downloads: what it remembers of a model is for this code alone (runtime/prepared.ts). */
  define: { __FILIGREE_BUILD__: JSON.stringify(hashOf(["runtime", "kernels-wasm"])) },
} satisfies InlineConfig;

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();

async function main(): Promise<void> {
  rmSync(`${root}dist`, { recursive: true, force: true });
  await buildRuntime();
  await buildForBrowser("bench/page", "demo/bench/page.ts");
  await buildForNode(nodeFiles);
  chmodSync(`${root}dist/cli.js`, 0o755);
  buildTypes();
  weigh(Object.keys(runtimeFiles));
}

/** All that a web page may download. */
export async function buildRuntime(outDir = "dist"): Promise<void> {
  for (const [name, file] of Object.entries(runtimeFiles)) await buildForBrowser(name, file, outDir);
  const { scripts, ...others } = filesOnRequest;
  for (const [name, file] of Object.entries(others)) await buildForBrowser(name, file, outDir);
  await buildForBrowser("scripts", scripts, outDir, {
    WORKER_SCRIPT: JSON.stringify(await textOf(runtimeFiles.worker)),
    THREAD_SCRIPT: JSON.stringify(await textOf(runtimeFiles.thread)),
  });
}

/** The module with really everything in it: text has no files beside it. */
async function textOf(file: string): Promise<string> {
  const config = forBrowser("text", file);
  const { build: options } = config;
  const built = await build({
    ...config,
    plugins: [workerAddresses],
    build: { ...options, write: false },
  });
  return (built as unknown as { output: { code: string }[] }[])[0].output[0].code;
}

/** One minified module with everything in it: `file` (from the root) -> `${outDir}/${name}.js`. */
export async function buildForBrowser(
  name: string,
  file: string,
  outDir = "dist",
  define: Readonly<Record<string, string>> = {},
): Promise<void> {
  await build({ ...forBrowser(name, file, outDir), define: { ...shared.define, ...define } });
}

function forBrowser(name: string, file: string, outDir = "dist") {
  return {
    ...shared,
    plugins: [workerAddresses, importsOnRequest, noComments],
    build: {
      outDir,
      emptyOutDir: false,
      target: ["chrome111", "firefox114", "safari16.4"], // the first with wasm SIMD and module workers
      chunkSizeWarningLimit: 3000, // kB: a benchmark bundles its baselines; what a page downloads is weighed below
      modulePreload: false,
      lib: { entry: root + file, formats: ["es"] }, // leaves each import() as it is
      rolldownOptions: {
        input: { [name]: root + file },
        preserveEntrySignatures: "strict",
        output: { format: "es", entryFileNames: "[name].js", minify: true, codeSplitting: false },
      },
    },
  } satisfies InlineConfig;
}

/** Modules for Node; dependencies are resolved where the package is installed. */
export async function buildForNode(
  files: Readonly<Record<string, string>>,
  outDir = "dist",
): Promise<void> {
  await build({
    ...shared,
    plugins: [workerAddresses],
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

/** Of all files in these folders, by name and content. */
function hashOf(folders: readonly string[]): string {
  const hash = createHash("sha256");
  for (const folder of folders) {
    const names = readdirSync(root + folder, { recursive: true, encoding: "utf8" });
    for (const name of names.filter((each) => each.endsWith(".ts")).sort())
      hash.update(name).update(readFileSync(`${root}${folder}/${name}`));
  }
  return hash.digest("hex").slice(0, 16);
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
