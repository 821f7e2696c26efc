/** Reads a model file, ONNX, TFLite or Filigree's own, whatever its name. */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ModelError } from "../../runtime/model/errors.ts";
import { type Model, readModel } from "../../runtime/model/file.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import type { ImageSize } from "../data/class-folders.ts";
import { importOnnx } from "../import/onnx.ts";
import { importTflite, isTflite } from "../import/tflite.ts";
import { simplify } from "../simplify.ts";

/** A graph of another format is simplified, so that it is what would be packed. */
export async function openModel(
  path: string,
): Promise<Model & { readonly format: "onnx" | "tflite" | "filigree" }> {
  const bytes = await readBytes(path);
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 8));
  if (start === "FILIGREE") return { ...(await readModel(bytes)), format: "filigree" };
  if (isTflite(bytes)) return { graph: simplify(importTflite(bytes)), meta: {}, format: "tflite" };
  return { graph: simplify(importOnnx(bytes, filesBeside(path))), meta: {}, format: "onnx" };
}

/** The graph of an ONNX or TFLite file as it is, for training, and the bytes of the file. */
export async function importFile(path: string): Promise<{ graph: Graph; bytes: number }> {
  const bytes = await readBytes(path);
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 8));
  if (start === "FILIGREE") {
    throw new ModelError(
      `${path}: is packed already; prune the ONNX or TFLite file that it was made of`,
    );
  }
  const graph = isTflite(bytes) ? importTflite(bytes) : importOnnx(bytes, filesBeside(path));
  return { graph, bytes: bytes.length };
}

/** [C, H, W] of the network's one input, where it is fixed: what pictures are scaled to. */
export function imageSize({ inputs }: Graph): ImageSize | undefined {
  const [, ...size] = inputs[0]?.shape ?? [];
  const isFixed = inputs.length === 1 && size.length === 3 && size.every((n) => typeof n === "number");
  return isFixed ? (size as unknown as ImageSize) : undefined;
}

/** Weights may lie in files beside the model's. */
function filesBeside(path: string) {
  return (location: string): Uint8Array | undefined => {
    const file = join(dirname(path), location);
    return existsSync(file) ? new Uint8Array(readFileSync(file)) : undefined;
  };
}

export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    return new Uint8Array(path.endsWith(".gz") ? gunzipSync(bytes) : bytes);
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : `${error}`;
    throw new ModelError(`${path}: ${reason}`);
  }
}
