/** What a page holds after many sessions and many runs, and at the worst moment of a load. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { findChromium, howToGetChromium } from "../../pruner/bench/chromium.ts";
import { measureEndurance } from "./endurance.ts";

const cycles = 30;
const modelMegabytes = 4; // file and memory of a session of the cycles, each

test("memory comes back after sessions, does not grow by runs, and holds no weights twice in a load", async ({
  skip,
}) => {
  if (!findChromium()) skip(howToGetChromium);
  if (!existsSync("/proc/self/clear_refs"))
    skip("the system does not count a process's memory in /proc");
  const found = await measureEndurance(cycles, 1000);
  expect(found.threads).toEqual([2, 2]);
  expect(found.listeners[1]).toBeLessThanOrEqual(found.listeners[0]);
  const [before, ...after] = found.cycles;
  expect(after.at(-1)! - before).toBeLessThan((cycles / 2) * modelMegabytes);
  // The garbage of a worker may wait for its collection: 8 kB a run, of 1000 runs.
  expect(found.runs.at(-1)! - found.runs[0]).toBeLessThan(30);
  expect(found.loadPeak).toBeLessThan(1.3);
}, 120_000);
