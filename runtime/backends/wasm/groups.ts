/** The weights of a convolution in memory, with the table of kernels-wasm/conv.ts: a row for each group of 8 outputs. */
import type { ConvWork } from "./conv-work.ts";
import type { Census, PackedConv } from "./pack.ts";
import type { Builder, Phase } from "./step.ts";

export interface WrittenGroups extends Pick<Phase, "detail" | "flops"> {
  readonly groups: number; // address of the table
  readonly packed: PackedConv;
}

export function writeGroups(
  work: ConvWork,
  census: Census,
  block: number,
  builder: Builder,
): WrittenGroups {
  const packed = census.pack(block, work.tapBytes);
  const { starts, weights, offsets } = packed;
  const weightsAt = builder.data(weights);
  const offsetsAt = builder.data(offsets);
  const weightAt = (b: number) => weightsAt + b * block * 32;
  const words = new Int32Array((starts.length - 1) * 5);
  for (let g = 0; g + 1 < starts.length; g++) {
    const blocks = [weightAt(starts[g]), weightAt(starts[g + 1]), offsetsAt + starts[g] * 4];
    words.set([...blocks, work.bias + g * 32, g * 32], g * 5);
  }
  const kept = offsets.length / census.counts.get(block)!.dense;
  return {
    groups: builder.data(words),
    packed,
    detail: kept < 1 ? `sparse: ${(100 * kept).toFixed(1)} % of the ${block}x8 blocks kept` : "dense",
    flops: 2 * weights.length * work.pixels.from.length,
  };
}
