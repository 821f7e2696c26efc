/** A run that is killed, and started again with the same command, ends with the bits of one that was not. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const script = fileURLToPath(new URL("run.ts", import.meta.url));
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function newFolder(): string {
  folders.push(mkdtempSync(join(tmpdir(), "filigree-resume-")));
  return folders.at(-1)!;
}

/** Runs to the end, or kills the process by SIGKILL when it has done `steps` steps. Resolves to its lines. */
function run(folder: string, method: string, steps = Infinity): Promise<string[]> {
  const child = spawn(process.execPath, ["--import", "tsx", script, folder, method], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
    const lines = text.split("\n").filter((line) => line.startsWith("step"));
    if (lines.length >= steps) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("close", (code, signal) => {
      if (code === 0 || (steps < Infinity && signal === "SIGKILL")) resolve(text.trim().split("\n"));
      else reject(new Error(`the run ended with ${code ?? signal}`));
    });
  });
}

// 12 steps an epoch: killed in the search, and again while fine-tuning.
test.each(["smart", "acdc"])("%s killed twice ends with the same bits", async (method) => {
  const [whole, folder] = [await run(newFolder(), method), newFolder()];
  const first = await run(folder, method, 20);
  const second = await run(folder, method, 30);
  const third = await run(folder, method);
  const stepsOf = (lines: string[]) =>
    lines.flatMap((line) => (line.startsWith("step") ? [Number(line.slice(5))] : []));
  expect(first.at(-1)).not.toMatch(/^end/);
  expect(stepsOf(second)[0]).toBeGreaterThan(12);
  expect(stepsOf(third)[0]).toBeGreaterThan(36);
  expect(third.at(-1)).toMatch(/^end [0-9a-f]{64}$/);
  expect(third.at(-1)).toBe(whole.at(-1));
  // A finished run has nothing left to do.
  const again = await run(folder, method);
  expect(stepsOf(again)).toEqual([]);
  expect(again.at(-1)).toBe(whole.at(-1));
});
