/** The CIFAR-10 test images of the data pack, normalised as the pack's networks want them. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import { sharedPath } from "../shared.ts";

export interface Images {
  readonly count: number;
  readonly labels: Uint8Array; // [count]
  /** Images [first, first + count) as [count, 3, 32, 32]. */
  batch(first: number, count: number): Tensor<"float32">;
}

const recordBytes = 1 + 3 * 32 * 32; // label, then planes of red, green, blue
const mean = [0.485, 0.456, 0.406];
const deviation = [0.229, 0.224, 0.225];

export function firstThousand(): Images {
  return images(gunzipSync(readFileSync(sharedPath("cifar10/test_first1000.bin.gz"))));
}

export async function allTestImages(): Promise<Images> {
  const { decode } = await import(pathToFileURL(sharedPath("tools/cfb.mjs")).href);
  return images(decode(readFileSync(sharedPath("cifar10/test_batch.cfb"))));
}

function images(records: Uint8Array): Images {
  const count = records.length / recordBytes;
  return {
    count,
    labels: Uint8Array.from({ length: count }, (_, i) => records[i * recordBytes]),
    batch(first, count) {
      const data = new Float32Array(count * (recordBytes - 1));
      for (let i = 0, at = 0; i < count; i++) {
        for (let byte = 1; byte < recordBytes; byte++, at++) {
          const channel = Math.floor((byte - 1) / 1024);
          data[at] =
            (records[(first + i) * recordBytes + byte] / 255 - mean[channel]) / deviation[channel];
        }
      }
      return tensor([count, 3, 32, 32], data);
    },
  };
}
