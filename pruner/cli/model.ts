/** Reads a model file, ONNX or Filigree's own, whatever its name. */
import { readFile } from "node:fs/promises";
import { ModelError } from "../../runtime/model/errors.ts";
import { type Model, readModel } from "../../runtime/model/file.ts";
import { importOnnx } from "../import/onnx.ts";
import { simplify } from "../simplify.ts";

/** An ONNX graph is simplified, so that it is what would be packed. */
export async function openModel(
  path: string,
): Promise<Model & { readonly format: "onnx" | "filigree" }> {
  const bytes = await readBytes(path);
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 8));
  if (start === "FILIGREE") return { ...(await readModel(bytes)), format: "filigree" };
  return { graph: simplify(importOnnx(bytes)), meta: {}, format: "onnx" };
}

export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : `${error}`;
    throw new ModelError(`${path}: ${reason}`);
  }
}
