/** A real network on real images: ResNet-20 on CIFAR-10, dense and pruned, against ONNX Runtime. */
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { argmax, benchmark, findChromium, howToGetChromium } from "../../pruner/bench/index.ts";
import { exportOnnx, importOnnx, prune, simplify } from "../../pruner/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { plan } from "../../runtime/plan.ts";
import { hasShared, sharedPath, whyNoShared } from "../shared.ts";
import { allTestImages, firstThousand, type Images } from "./cifar10.ts";

const onnx = () => new Uint8Array(readFileSync(sharedPath("models/cifar10/resnet20.onnx")));

describe.skipIf(!hasShared)(`ResNet-20${hasShared ? "" : ` (skipped: ${whyNoShared})`}`, () => {
  test("is right on 91.73 % of the 10 000 test images", async () => {
    const images = await allTestImages();
    const classes = await classify(simplify(importOnnx(onnx())), images);
    const right = classes.filter((found, i) => found === images.labels[i]).length;
    expect(images.count).toBe(10_000);
    expect(right).toBe(9173);
  });

  test.each([
    { pattern: "block:16x8", sparsity: 0.5 },
    { pattern: "2:4", sparsity: undefined },
  ])(
    "pruned by magnitude at $pattern, it computes what ONNX Runtime computes on the masked file",
    async (target) => {
      const { graph } = await prune(onnx(), { method: "magnitude", ...target });
      const images = firstThousand();
      const session = await ort.InferenceSession.create(exportOnnx(graph));
      const input = images.batch(0, 100);
      const feeds = { input: new ort.Tensor("float32", input.data, [...input.shape]) };
      const expected = (await session.run(feeds)).logits.data as Float32Array;
      const executable = await wasm.prepare(plan(graph, { shapes: { input: input.shape } }));
      const { logits } = await executable.run({ input });
      expect(greatestDifference(logits.data, expected)).toBeLessThan(1e-4);
      // The masks matter: the dense network says something else.
      const dense = await wasm.prepare(
        plan(simplify(importOnnx(onnx())), { shapes: { input: input.shape } }),
      );
      expect(greatestDifference((await dense.run({ input })).logits.data, expected)).toBeGreaterThan(
        0.1,
      );
    },
  );

  test.skipIf(!findChromium())(
    `in Chromium says on 1 000 images what onnxruntime-web says${findChromium() ? "" : ` (skipped: ${howToGetChromium})`}`,
    async () => {
      const images = firstThousand();
      const samples = Array.from({ length: images.count }, (_, i) => ({ input: images.batch(i, 1) }));
      const model = await writeModel(simplify(importOnnx(onnx())));
      const { place, comparisons } = await benchmark(
        [
          { name: "onnxruntime-web", kind: "onnxruntime-web", model: onnx(), threads: 1 },
          { name: "filigree", kind: "filigree", model, threads: 1 },
        ],
        samples,
        { rounds: 0, classify: true },
      );
      expect(place).toBe("chromium");
      const [theirs, ours] = comparisons;
      expect(ours.classes).toHaveLength(1000);
      expect(ours.classes).toEqual(theirs.classes);
      expect(ours.maxError).toBeLessThan(1e-4);
    },
  );
});

/** The class of each image, on the wasm backend, batch by batch. */
async function classify(graph: Graph, images: Images): Promise<number[]> {
  const batch = 50;
  const executable = await wasm.prepare(plan(graph, { shapes: { input: [batch, 3, 32, 32] } }));
  const classes: number[] = [];
  for (let first = 0; first < images.count; first += batch) {
    const { logits } = await executable.run({ input: images.batch(first, batch) });
    for (let i = 0; i < batch; i++) classes.push(argmax(logits.data.subarray(i * 10, (i + 1) * 10)));
  }
  return classes;
}

function greatestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return a.length === b.length ? most : Number.POSITIVE_INFINITY;
}
