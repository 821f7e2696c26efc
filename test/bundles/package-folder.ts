/** The package as npm would install it: packed from a fresh build into a tarball, and unpacked into an app's folder. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildRuntime } from "../../build.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const apps = fileURLToPath(new URL("./apps/", import.meta.url));

export interface AppFolder {
  readonly path: string; // of an app whose node_modules hold the package and nothing else
  remove(): void;
}

/** Outside of the project, so that nothing but the package itself is found. */
export async function makeAppFolder(): Promise<AppFolder> {
  const path = mkdtempSync(join(tmpdir(), "filigree-bundles-"));
  const staged = join(path, "staged");
  const installed = join(path, "node_modules/filigree");
  mkdirSync(installed, { recursive: true });
  await buildRuntime(join(staged, "dist"));
  cpSync(join(root, "package.json"), join(staged, "package.json"));
  const npm = ["pack", "--ignore-scripts", "--silent", "--pack-destination", path];
  execFileSync("npm", npm, { cwd: staged, stdio: "pipe" });
  const tarball = readdirSync(path).find((name) => name.endsWith(".tgz"))!;
  execFileSync("tar", ["xzf", join(path, tarball), "-C", installed, "--strip-components=1"]);
  rmSync(staged, { recursive: true });
  cpSync(apps, path, { recursive: true });
  writeFileSync(join(path, "package.json"), JSON.stringify({ name: "app", type: "module" }));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
