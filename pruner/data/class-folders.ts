/**
 * A folder of class folders of JPEG and PNG: the name of a folder is the class of its pictures, in the order of the
 * names ("0", "1", …, "10" count as numbers). Node only.
 *
 *   images/cat/1.jpg  images/dog/2.png              or, apart for training and testing:
 *   images/train/cat/1.jpg  images/test/cat/2.jpg   ("val" and "validation" are test, too)
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ModelError } from "../../runtime/model/errors.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import type { Dataset } from "./dataset.ts";
import { decodePicture, toPlanes } from "./picture.ts";
import { type Scaling, scaler } from "./scaler.ts";

type Part = "train" | "test";
export type ImageSize = readonly [channels: number, height: number, width: number];

const isPicture = (name: string) => /\.(jpe?g|png)$/i.test(name);
const parts: Record<Part, readonly string[]> = { train: ["train"], test: ["test", "val", "validation"] };
/** Pixels are kept as float32 in memory. */
const mostBytes = 8e9;

/** Undefined where the folder does not look like one of class folders. */
export async function classFolders(path: string, part: Part): Promise<string[] | undefined> {
  const folders = await foldersIn(path);
  const own = folders.filter((name) => parts[part].includes(name));
  const others = folders.filter((name) => Object.values(parts).flat().includes(name));
  if (others.length > 0 && own.length === 0) {
    throw new ModelError(
      `data: the folder ${path} has ${others.join(", ")}, but no ${parts[part].join(" or ")}`,
    );
  }
  const root = own.length > 0 ? join(path, own[0]) : path;
  const classes = await foldersIn(root);
  for (const name of classes) {
    if ((await readdir(join(root, name))).some(isPicture)) {
      return classes
        .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
        .map((each) => join(root, each));
    }
  }
  return undefined;
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name);
}

/** Reads all pictures. Without a size all have to have one. */
export async function readClassFolders(
  folders: readonly string[],
  scaling: Scaling,
  size?: ImageSize,
): Promise<Dataset> {
  const files: { path: string; label: number }[] = [];
  for (const [label, folder] of folders.entries()) {
    const names = (await readdir(folder)).filter(isPicture).sort();
    if (names.length === 0) throw new ModelError(`data: the folder ${folder} has no JPEG and no PNG`);
    files.push(...names.map((name) => ({ path: join(folder, name), label })));
  }
  let to = size;
  let data = new Float32Array();
  for (const [i, { path }] of files.entries()) {
    const picture = await decodePicture(await readFile(path), path);
    if (!to || i === 0) {
      to ??= [3, picture.height, picture.width];
      const elements = files.length * to[0] * to[1] * to[2];
      if (4 * elements > mostBytes) {
        throw new ModelError(
          `data: ${files.length} pictures of [${to}] need ${(4e-9 * elements).toFixed(0)} GB of memory; give fewer`,
        );
      }
      data = new Float32Array(elements);
    } else if (!size && (picture.width !== to[2] || picture.height !== to[1])) {
      throw new ModelError(
        `${path}: is ${picture.width} x ${picture.height}, others are ${to[2]} x ${to[1]}; the network leaves its size open`,
      );
    }
    data.set(toPlanes(picture, to), i * to[0] * to[1] * to[2]);
  }
  const scale = scaler(to!, scaling);
  for (let i = 0; i < data.length; i++) data[i] = scale(data[i], i);
  return {
    images: tensor([files.length, ...to!], data),
    labels: Int32Array.from(files, ({ label }) => label),
    classes: folders.length,
  };
}
