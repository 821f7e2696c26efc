/** Builds the app once for a test file, into a folder of its own. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface BuiltApp {
  readonly folder: string;
  remove(): void;
}

export async function buildApp(): Promise<BuiltApp> {
  const folder = mkdtempSync(join(tmpdir(), "filigree-app-"));
  const vite = join(dirname(createRequire(import.meta.url).resolve("vite/package.json")), "bin/vite.js");
  await promisify(execFile)(process.execPath, [vite, "build", "-c", "demo/pwa/vite.config.ts"], {
    cwd: root,
    env: { ...process.env, FILIGREE_DEMO_OUT: folder, NODE_ENV: "production" },
  });
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
