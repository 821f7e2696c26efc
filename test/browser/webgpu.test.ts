/** The GPU backend in a worker of a browser, on the software renderer that it brings along. */
import { expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { type LoadProgress, load } from "../../runtime/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";

const image = tinyImage(3);

async function expected() {
  const executable = await reference.prepare(plan(tinyClassifier()));
  return (await executable.run({ image: tensor([1, 3, 9, 9], image) })).logits.data;
}

test("a model with sparse weights runs on the GPU as on the reference, its kernels compiled with progress", async () => {
  const seen: LoadProgress[] = [];
  const bytes = await writeModel(tinyClassifier());
  const session = await load(bytes, {
    backend: "webgpu",
    cache: false,
    onProgress: (progress) => seen.push(progress),
  });
  expect(session.capabilities.backend).toBe("webgpu");
  expect(session.capabilities.reasons.join("; ")).toMatch(/computes on the CPU, slower than wasm/);
  const wanted = await expected();
  for (let run = 0; run < 2; run++) {
    const { logits } = await session.run({ image });
    wanted.forEach((value, i) => {
      expect(Math.abs(logits.data[i] - value), `value ${i}`).toBeLessThan(1e-4);
    });
  }
  const compiled = seen.filter(({ loaded }) => loaded > 2 && loaded < 3);
  expect(compiled.length).toBeGreaterThan(1);
  const rows = await session.profile({ image }, 2);
  expect(rows.map(({ kernel }) => kernel.replace(/_.*/, ""))).toEqual(["conv", "reduce", "gemm"]);
  session.dispose();
});

test("auto asks for the GPU, and stays on wasm where that is software", async () => {
  const session = await load(await writeModel(tinyClassifier()), { backend: "auto", cache: false });
  expect(session.capabilities.backend).toBe("wasm");
  expect(session.capabilities.reasons.join("; ")).toMatch(/webgpu is not used: .* computes on the CPU/);
  session.dispose();
});

test("a model that asks for nothing is not looked at by the GPU", async () => {
  const session = await load(await writeModel(tinyClassifier()), { cache: false });
  expect(session.capabilities.backend).toBe("wasm");
  expect(session.capabilities.reasons.join("; ")).not.toMatch(/webgpu/);
  session.dispose();
});
