/** The data and models that lie beside the project in ../shared/data: real ones, for tests only. Absent elsewhere. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../shared/data/", import.meta.url));

export const hasShared = existsSync(root);
export const whyNoShared = "the data pack ../shared/data is not here";

/** Absolute path of a file of the pack: `sharedPath("models/cifar10/resnet20.onnx")`. */
export function sharedPath(path: string): string {
  return root + path;
}
