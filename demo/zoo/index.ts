/**
 * The zoo: networks with exactly the layers of well-known ones and random weights, to measure what a network takes.
 * BatchNormalization is folded: a Conv has a bias. Where a table of layers comes from is in the network's file.
 */
import type { Graph } from "../../pruner/index.ts";
import { bisenetv2 } from "./bisenetv2.ts";
import { mobilenetv2 } from "./mobilenetv2.ts";
import type { ImageSize, ZooNetwork } from "./network.ts";
import { resnet50 } from "./resnet50.ts";
import { swinT } from "./swin.ts";
import { deitTiny, vitB16 } from "./vit.ts";
import { yolov5m, yolov5n } from "./yolov5.ts";

export type { ImageSize, ZooNetwork } from "./network.ts";

export const zoo = {
  resnet50,
  mobilenetv2,
  yolov5n,
  yolov5m,
  bisenetv2,
  "deit-tiny": deitTiny,
  "vit-b16": vitB16,
  "swin-t": swinT,
} satisfies Record<string, ZooNetwork>;

export type ZooName = keyof typeof zoo;

/** A network of the zoo. Throws where an image of this size does not fit its strides. */
export function buildNetwork(
  name: ZooName,
  { seed = 1, size = zoo[name].size }: { seed?: number; size?: ImageSize } = {},
): Graph {
  const { multiple, build } = zoo[name];
  if (size.some((side) => side < multiple || side % multiple)) {
    throw new Error(`${name}: the image is ${size.join("x")}; expected multiples of ${multiple}`);
  }
  return build(seed, size);
}
