/** The reference backend as a backend: checked inputs, fresh outputs, a row of profile for every node. */
import { describe, expect, test } from "vitest";
import { reference } from "../../runtime/backends/reference/index.ts";
import { type Tensor, tensor, zeros } from "../../runtime/model/tensor.ts";
import { plan } from "../../runtime/plan.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";

const planned = plan(tinyClassifier());
const image = tensor([1, 3, 9, 9], tinyImage(1));

describe("the reference backend", () => {
  const rows: [claim: string, inputs: Record<string, Tensor>, message: RegExp][] = [
    ["a missing input", {}, /^input 'image' is missing; expected float32 \[1,3,9,9\]/],
    ["an unknown input", { image, mask: image }, /^input 'mask' is not known; the inputs are 'image'/],
    [
      "another shape",
      { image: zeros([1, 3, 9, 8]) },
      /^input 'image' is of shape \[1,3,9,8\]; expected/,
    ],
    [
      "another dtype",
      { image: zeros([1, 3, 9, 9], "int32") },
      /^input 'image' is int32; expected float32/,
    ],
    [
      "too few values",
      { image: { ...image, data: new Float32Array(9) } },
      /^input 'image' is of 9 values/,
    ],
  ];

  test.each(rows)("refuses %s", async (_claim, inputs, message) => {
    const executable = await reference.prepare(planned);
    await expect(executable.run(inputs)).rejects.toThrow(
      expect.objectContaining({ name: "ModelError", message: expect.stringMatching(message) }),
    );
  });

  test("gives outputs that are the caller's own, the same every time", async () => {
    const executable = await reference.prepare(planned);
    const [first, second] = [await executable.run({ image }), await executable.run({ image })];
    expect(first).toEqual(second);
    first.logits.data.fill(0);
    expect(await executable.run({ image })).toEqual(second);
  });

  test("profiles every node by name, with the work of those that compute", async () => {
    const rows = await (await reference.prepare(planned)).profile({ image }, 3);
    expect(rows.map(({ node }) => node)).toEqual([
      "Conv 'stem'",
      "Relu 'stem.relu'",
      "GlobalAveragePool 'pool'",
      "Flatten 'flatten'",
      "Gemm 'fc'",
    ]);
    // 20 x 9 x 9 results of 27 products each, in ms * gflops * 1e6 operations.
    expect(rows[0].ms * rows[0].gflops * 1e6).toBeCloseTo(2 * 20 * 81 * 27, 3);
    expect(rows[1].gflops).toBe(0);
  });
});
