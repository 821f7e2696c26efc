/** Outputs given back: filled again, never shared, refused where they do not fit. The model runs in this thread. */
import { beforeAll, expect, test } from "vitest";
import { load, type Session, type Tensor, tensor } from "../../runtime/index.ts";
import { writeModel } from "../../runtime/model/file.ts";
import { tinyClassifier, tinyImage } from "../fixtures.ts";

let session: Session;
beforeAll(async () => {
  session = await load(await writeModel(tinyClassifier()), { worker: false, cache: false, threads: 1 });
});

const logits = async (seed: number, reuse?: Record<string, Tensor>) =>
  (await session.run({ image: tinyImage(seed) }, { reuse })).logits;

test("an output that is given back is filled again, and the old tensor is empty", async () => {
  const [first, second] = [await logits(1), await logits(2)];
  const given = first.data;
  const again = await logits(2, { logits: first });
  expect(again).toEqual(second);
  expect(given.length).toBe(0);
  expect(again.data.buffer).not.toBe(second.data.buffer);
});

test("outputs are fresh where nothing is given back", async () => {
  const first = await logits(1);
  const kept = first.data.slice();
  await logits(2, {});
  expect(first.data).toEqual(kept);
});

const five = new Float32Array(5);
test.each<[found: string, reuse: Record<string, Tensor>, message: RegExp]>([
  ["of another name", { logit: tensor([1, 5], five) }, /'logit' is no output; the model has 'logits'/],
  ["of another shape", { logits: tensor([5, 1], five) }, /output 'logits' is of shape \[5,1\]/],
  [
    "of another dtype",
    { logits: tensor([1, 5], new Int32Array(5), "int32") },
    /output 'logits' is int32/,
  ],
  ["part of a larger buffer", { logits: tensor([1, 5], new Float32Array(9).subarray(2, 7)) }, /own/],
])("an output %s is refused", async (_, reuse, message) => {
  const refused = expect.objectContaining({
    name: "ModelError",
    message: expect.stringMatching(message),
  });
  await expect(logits(1, reuse)).rejects.toEqual(refused);
  expect((await logits(1)).data.length).toBe(5); // the session stays usable
});

test("an output that was given back already is refused", async () => {
  const first = await logits(1);
  await logits(1, { logits: first });
  await expect(logits(1, { logits: first })).rejects.toThrow(/output 'logits' is of 0 values/);
});
