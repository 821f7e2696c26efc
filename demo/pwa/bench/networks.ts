/** The networks that the bench races: the face detector that came with the app, and those that are made here. */
import faceDetector from "virtual:face-detector";
import type { Helper } from "../helper.ts";
import { bytesOf } from "../models.ts";
import type { Form } from "../pruning/forms.ts";
import type { Made, PruningApi } from "../pruning/worker.ts";

export interface BenchNetwork {
  readonly title: string;
  readonly about: string;
  readonly isChecked: boolean;
  /** Whether its blocks can be pruned here; the other's zeros are those that it was published with. */
  readonly isZoo: boolean;
}

export const networks = {
  "face-detector": {
    title: "Face detector",
    about: "Google's, 192 × 192, its own 70 % zeros",
    isChecked: true,
    isZoo: false,
  },
  mobilenetv2: {
    title: "MobileNetV2",
    about: "224 × 224, 3.5 million weights",
    isChecked: false,
    isZoo: true,
  },
  yolov5n: { title: "YOLOv5n", about: "640 × 640, 1.9 million weights", isChecked: false, isZoo: true },
  "deit-tiny": {
    title: "DeiT-tiny",
    about: "224 × 224, 5.7 million weights",
    isChecked: false,
    isZoo: true,
  },
} satisfies Record<string, BenchNetwork>;

export type NetworkName = keyof typeof networks;
export type ZooNetworkName = Exclude<NetworkName, "face-detector">;

export async function makeNetwork(
  name: NetworkName,
  pattern: string,
  forms: readonly Form[],
  pruning: Helper<PruningApi>,
): Promise<Made> {
  if (name !== "face-detector") {
    return pruning.call((api) => api.makeZooNetwork(name, pattern, forms)) as Promise<Made>;
  }
  const [dense, pruned] = [await bytesOf(faceDetector.dense), await bytesOf(faceDetector.sparse)];
  return pruning.call((api) => api.convert(dense, pruned, "unstructured", forms)) as Promise<Made>;
}
