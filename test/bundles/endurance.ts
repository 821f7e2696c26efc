/**
 * What a page's process holds over many sessions and many runs, as the system counts it. Printed by
 * `npx tsx test/bundles/endurance.ts [cycles] [runs]`; by default 200 cycles of load, run and dispose, and 10 000 runs.
 * Models are loaded from bytes: of what a page fetches, Chromium keeps the last thirty bodies or so, whoever fetches.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { chromiumArgs, findChromium, howToGetChromium } from "../../pruner/bench/chromium.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { randomWeight } from "../formats/examples.ts";
import { makeAppFolder } from "./package-folder.ts";
import { html, isolation, serveFolder } from "./page.ts";

export interface Endurance {
  readonly threads: readonly [one: number, two: number]; // worker threads of the process, with one session and with two
  readonly cycles: readonly number[]; // MB of the process: before, and after each tenth of the cycles
  readonly listeners: readonly [before: number, after: number]; // to events, in the page: a worker that is kept has some
  readonly runs: readonly number[]; // MB: before, and after each tenth of the runs
  readonly loadPeak: number; // most bytes of a load beyond the page's own, as a multiple of file and arena
}

const size = 1024;

/** A perceptron: `layers` of 4 MB each. */
function perceptron(layers: number): Graph {
  const weights = Array.from({ length: layers }, (_, i) => randomWeight([size, size], i + 1));
  return {
    name: "perceptron",
    inputs: [{ name: "x", dtype: "float32", shape: [1, size] }],
    outputs: [{ name: `y${layers}`, dtype: "float32", shape: [1, size] }],
    nodes: weights.map((_, i) => ({
      name: `layer ${i}`,
      op: "Gemm",
      inputs: [i === 0 ? "x" : `y${i}`, `w${i}`],
      outputs: [`y${i + 1}`],
      attrs: { transB: 1 },
    })),
    constants: new Map(weights.map((weight, i) => [`w${i}`, weight])),
  };
}

const script = `import { load } from "/node_modules/filigree/dist/index.js";
const bytes = {};
for (const name of ["small", "large"])
  bytes[name] = new Uint8Array(await (await fetch(\`/\${name}.filigree\`)).arrayBuffer());
const open = (name) => load(bytes[name], { threads: 2 });
const x = new Float32Array(${size});
const sessions = [];
globalThis.jobs = {
  async open(name) { sessions.push(await open(name)); await sessions.at(-1).run({ x }); return sessions.at(-1).memory; },
  close() { for (const session of sessions.splice(0)) session.dispose(); },
  async cycles(count) {
    for (let i = 0; i < count; i++) {
      const session = await open("small");
      await session.run({ x });
      session.dispose();
    }
  },
  async runs(count) { for (let i = 0; i < count; i++) await sessions[0].run({ x }); },
};`;

/** Throws where there is no Chromium, or no /proc to read. */
export async function measureEndurance(cycles: number, runs: number): Promise<Endurance> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error(howToGetChromium);
  const app = await makeAppFolder();
  const bytes = { small: await writeModel(perceptron(1)), large: await writeModel(perceptron(16)) };
  for (const [name, model] of Object.entries(bytes))
    writeFileSync(join(app.path, `${name}.filigree`), model);
  const files = { "/": html("/page.js"), "/page.js": script };
  const server = await serveFolder({ path: app.path, files, headers: isolation });
  const browser = await chromium.launch({ executablePath, args: chromiumArgs });
  try {
    const page = await browser.newPage();
    await page.goto(server.url);
    await page.waitForFunction("globalThis.jobs");
    await page.evaluate('jobs.open("small")'); // by its workers the page's process is known
    const process = await processOf(browser, page);
    await page.evaluate("jobs.close()");
    const tenths = async (job: string, count: number) => {
      const megabytes = [await process.megabytes()];
      for (let tenth = 0; tenth < 10; tenth++) {
        await page.evaluate(`jobs.${job}(${Math.round(count / 10)})`);
        megabytes.push(await process.megabytes());
      }
      return megabytes;
    };

    await page.evaluate("jobs.cycles(3)"); // what a page keeps of its first worker is no growth
    const before = await process.listeners();
    const cycled = await tenths("cycles", cycles);
    const listeners = [before, await process.listeners()] as const;
    await process.idle();
    await page.evaluate('jobs.open("small")');
    const one = process.workers();
    await page.evaluate('jobs.open("small")');
    const two = process.workers();
    await page.evaluate("jobs.runs(50)");
    const ran = await tenths("runs", runs);
    await page.evaluate("jobs.close()");

    const megabytes = await process.megabytes();
    process.forgetPeak();
    const memory = (await page.evaluate('jobs.open("large")')) as { bytes: number };
    const held = process.peakMegabytes() - megabytes;
    const loadPeak = (held * 2 ** 20) / (bytes.large.length + memory.bytes);
    return { threads: [one, two], cycles: cycled, listeners, runs: ran, loadPeak };
  } finally {
    await browser.close();
    server.close();
    app.remove();
  }
}

/** The system's account of the process that a page lives in. */
async function processOf(browser: Browser, page: Page) {
  const system = await browser.newBrowserCDPSession();
  const devtools: CDPSession = await page.context().newCDPSession(page);
  const { processInfo } = await system.send("SystemInfo.getProcessInfo");
  const status = (id: number, key: string) =>
    Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1]);
  const workersOf = (id: number) =>
    readdirSync(`/proc/${id}/task`)
      .map((thread) => readFileSync(`/proc/${id}/task/${thread}/comm`, "utf8"))
      .filter((name) => name.startsWith("DedicatedWorker")).length;
  const id = processInfo.map((each) => each.id).find((each) => workersOf(each) > 0);
  if (!id) throw new Error("no process of the browser has a worker");
  const collect = async () => {
    for (let again = 0; again < 2; again++) await devtools.send("HeapProfiler.collectGarbage");
    await new Promise((resolve) => setTimeout(resolve, 300)); // workers end in their own time
  };
  return {
    async megabytes(): Promise<number> {
      await collect();
      return status(id, "VmRSS") / 1024;
    },
    async listeners(): Promise<number> {
      await collect();
      return (await devtools.send("Memory.getDOMCounters")).jsEventListeners;
    },
    workers: () => workersOf(id),
    /** Waits until the workers of sessions that are gone have ended, for at most 20 s. */
    async idle(): Promise<void> {
      const end = performance.now() + 20_000;
      while (workersOf(id) > 0 && performance.now() < end)
        await new Promise((resolve) => setTimeout(resolve, 50));
    },
    forgetPeak: () => writeFileSync(`/proc/${id}/clear_refs`, "5"),
    peakMegabytes: () => status(id, "VmHWM") / 1024,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [cycles = 200, runs = 10_000] = process.argv.slice(2).map(Number);
  const found = await measureEndurance(cycles, runs);
  const list = (megabytes: readonly number[]) => megabytes.map((each) => each.toFixed(1)).join(", ");
  console.log(`worker threads: ${found.threads[0]} with one session, ${found.threads[1]} with two`);
  console.log(`MB over ${cycles} cycles of load, run, dispose: ${list(found.cycles)}`);
  console.log(`listeners to events before and after them: ${found.listeners.join(", ")}`);
  console.log(`MB over ${runs} runs: ${list(found.runs)}`);
  console.log(`peak of a load: ${found.loadPeak.toFixed(2)} x (file + arena)`);
}
