/** `filigree kernels` as a user runs it. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeModel } from "../../runtime/model/file.ts";
import { tinyClassifier } from "../fixtures.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "filigree-kernels-"));
  model = join(folder, "tiny.filigree");
  await writeFile(model, await writeModel(tinyClassifier()));
});
afterAll(() => rm(folder, { recursive: true }));

function kernels(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const command = ["--import", "tsx", join(root, "pruner/cli.ts"), "kernels", ...args];
    execFile(process.execPath, command, { cwd: root }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

test("the kernels of a model are listed with the steps that call them, and printed as text", async () => {
  const listed = await kernels(model, "--no-fma");
  expect(listed.code, listed.stderr).toBe(0);
  expect(listed.stdout).toMatch(/^f32_conv_\S+: \d+ bytes\n {2}Conv 'stem' \+ Relu$/m);
  const json = JSON.parse((await kernels(model, "--no-fma", "--wat", "--json")).stdout);
  for (const { name, wat } of json.kernels) expect(wat).toContain(`(export "${name}")`);
});

test("a kernel is printed by its name, with fused multiply-add unless told otherwise", async () => {
  const [fused, apart] = await Promise.all([
    kernels("f32_conv_6x8_k8", "--wat"),
    kernels("f32_conv_6x8_k8", "--wat", "--no-fma"),
  ]);
  expect(fused.stdout.match(/f32x4\.relaxed_madd/g)?.length).toBe(6 * 8 * 2);
  expect(apart.stdout).not.toContain("relaxed");
});

test("a name that is no kernel's is refused, and it says where to find names", async () => {
  const { code, stderr } = await kernels("f32_conv_7x8_k8");
  expect(code).toBe(1);
  expect(stderr).toMatch(/no kernel is named f32_conv_7x8_k8; `filigree kernels MODEL` lists/);
});
