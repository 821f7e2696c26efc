/** CIFAR-10 as the experiments use it, and the networks of the data pack. */
import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type CostTable, type Dataset, readCosts } from "../../pruner/index.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { sharedPath } from "../shared.ts";

const recordBytes = 1 + 3 * 32 * 32; // label, then planes of red, green, blue

export interface Network {
  readonly title: string;
  readonly file: string;
  readonly scale: number; // bytes are divided by it, then
  readonly mean: readonly number[]; // this is subtracted, and
  readonly std: readonly number[]; // divided by this
}

export type NetworkName = "resnet8" | "resnet8large" | "resnet20" | "resnet32" | "resnet56" | "vit";

const imageNet = { scale: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const raw = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };

export const networks: Readonly<Record<NetworkName, Network>> = {
  resnet8: { title: "ResNet-8 (MLPerf Tiny)", file: "mlperf_resnet8", ...raw },
  resnet8large: { title: "ResNet-8, large", file: "mlperf_resnet8_large", ...raw },
  resnet20: { title: "ResNet-20", file: "resnet20", ...imageNet },
  resnet32: { title: "ResNet-32", file: "resnet32", ...imageNet },
  resnet56: { title: "ResNet-56", file: "resnet56", ...imageNet },
  vit: {
    title: "ViT (6 layers of 128)",
    file: "vit_d128_l6",
    scale: 255,
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.2023, 0.1994, 0.201],
  },
};

export function networkFile(name: NetworkName): Uint8Array {
  return new Uint8Array(readFileSync(sharedPath(`models/cifar10/${networks[name].file}.onnx`)));
}

/** What 16x8 blocks of a network cost, measured once in Chromium; by `filigree bench --costs`. */
export function costsOf(name: NetworkName): CostTable {
  const path = fileURLToPath(new URL(`costs/${name}.json`, import.meta.url));
  return readCosts(readFileSync(path, "utf8"), path);
}

/** All 50 000 training images, or all 10 000 test images, scaled as the network wants them. */
export async function cifar10(part: "train" | "test", name: NetworkName): Promise<Dataset> {
  const { decode } = await import(pathToFileURL(sharedPath("tools/cfb.mjs")).href);
  const files = part === "test" ? ["test_batch"] : [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}`);
  const records: Uint8Array[] = files.map((file) =>
    decode(readFileSync(sharedPath(`cifar10/${file}.cfb`))),
  );
  const count = records.reduce((sum, { length }) => sum + length / recordBytes, 0);
  const { mean, std, scale } = networks[name];
  const labels = new Int32Array(count);
  const data = new Float32Array(count * (recordBytes - 1));
  let [image, to] = [0, 0];
  for (const bytes of records) {
    for (let at = 0; at < bytes.length; image++) {
      labels[image] = bytes[at++];
      for (let pixel = 0; pixel < recordBytes - 1; pixel++) {
        const channel = Math.floor(pixel / 1024);
        data[to++] = (bytes[at++] / scale - mean[channel]) / std[channel];
      }
    }
  }
  return { images: tensor([count, 3, 32, 32], data), labels, classes: 10 };
}
