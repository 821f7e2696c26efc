/** A prepared model is started again from its image. From the database, in a page: test/browser/prepared.test.ts. */
import { expect, test } from "vitest";
import type { Executable } from "../../runtime/backends/backend.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { writeImage } from "../../runtime/backends/wasm/write-image.ts";
import { plan } from "../../runtime/plan.ts";
import { tinyClassifier } from "../fixtures.ts";
import { randomTensor } from "../random.ts";
import { hostedNetwork } from "./hosted.ts";

const inputs = { image: randomTensor([2, 3, 9, 9], 1) };
const prepare = () => wasm.prepare(plan(tinyClassifier(2)));

const shownBy = async (executable: Executable) =>
  (await executable.profile(inputs, 1)).map(({ node, kernel, detail }) => ({ node, kernel, detail }));

test("what is started from an image computes the same bits, and says the same of itself", async () => {
  const first = await prepare();
  const expected = await first.run(inputs);
  const revived = await wasm.revive(writeImage(first.running!));
  for (let run = 0; run < 3; run++) expect(await revived.run(inputs)).toEqual(expected);
  expect(await shownBy(revived)).toEqual(await shownBy(first));
  const { threads, relaxedSimd, memoryBytes } = first;
  expect(revived).toMatchObject({ threads, relaxedSimd, memoryBytes });
});

test("an image is the same before and after runs, and after it was started", async () => {
  const executable = await prepare();
  const image = writeImage(executable.running!);
  await executable.run(inputs);
  expect(writeImage(executable.running!)).toEqual(image);
  const revived = await wasm.revive(image);
  await revived.run(inputs);
  expect(writeImage(revived.running!)).toEqual(image);
});

test("inputs are checked as before", async () => {
  const revived = await wasm.revive(writeImage((await prepare()).running!));
  await expect(revived.run({ image: randomTensor([1, 3, 9, 9], 1) })).rejects.toThrow("image");
  await expect(revived.run({})).rejects.toThrow("image");
});

test("nodes without a kernel cannot be put into bytes: there is no image", async () => {
  const executable = await wasm.prepare(plan(hostedNetwork().graph));
  expect(executable.running).toBeUndefined();
});

test.each([
  ["nothing", (image: Uint8Array) => image.slice(0, 0)],
  ["half of it", (image: Uint8Array) => image.slice(0, image.length >> 1)],
  ["something else", (image: Uint8Array) => image.map((byte) => byte ^ 0x55)],
])("%s of an image is refused", async (_, spoil) => {
  const image = writeImage((await prepare()).running!);
  await expect(async () => wasm.revive(spoil(image))).rejects.toThrow();
});
