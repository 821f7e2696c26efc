/**
 * Weights as the convolution kernel wants them: for each group of 8 outputs the blocks that are there.
 *
 * A block is K input channels of one tap by 8 outputs, stored [K][8]; a block of zeros is left out. So
 * one kernel runs dense weights and every sparsity pattern, the better the more its zeros fill blocks.
 */
import type { ConvWeights } from "./conv-work.ts";

export interface PackedConv {
  readonly block: number; // K
  readonly starts: Int32Array; // [ceil(outputs / 8) + 1]: first block of each group
  readonly weights: Float32Array; // [blocks][K][8]
  readonly offsets: Int32Array; // [blocks]: bytes from the address of the output pixel's first tap
}

/** Which weights are there, for every choice of K at once. */
export interface Census {
  readonly groups: readonly (readonly Segment[])[]; // [ceil(outputs / 8)]
  /** Blocks by K: those with a weight in them in each group, and all that a dense weight would have. */
  readonly counts: ReadonlyMap<number, { readonly present: Int32Array; readonly dense: number }>;
}

/** The part of a group of 8 outputs that belongs to one convolution group. */
interface Segment {
  readonly base: number; // first input channel
  readonly firstOut: number;
  readonly endOut: number;
  readonly present: Uint8Array; // [inputs, taps]: 1 where any of the outputs has a weight
}

/** One pass over the weights. `stride` is how many floats a pixel of the input has. */
export function takeCensus(weights: ConvWeights, stride: number): Census {
  const { outputs, inputs, taps, groups } = weights;
  const sizes = stride < 8 && groups === 1 ? [stride] : [8, 4, 2, 1];
  // A block may reach past a group's channels (its weights there are zero), never past the pixel.
  const fits = sizes.filter((k) => (groups - 1) * inputs + Math.ceil(inputs / k) * k <= stride);
  const census: Segment[][] = [];
  for (let first = 0; first < outputs; first += 8) census.push(segmentsOf(weights, first));
  const counts = new Map<number, { present: Int32Array; dense: number }>();
  for (const block of fits) {
    const present = Int32Array.from(census, (segments) =>
      segments.reduce((sum, segment) => sum + countBlocks(segment, inputs, taps, block), 0),
    );
    const segments = census.reduce((sum, group) => sum + group.length, 0);
    counts.set(block, { present, dense: segments * Math.ceil(inputs / block) * taps });
  }
  return { groups: census, counts };
}

/** `tapBytes[tap]` is the offset of a tap. */
export function packConv(
  weights: ConvWeights,
  { groups, counts }: Census,
  block: number,
  tapBytes: readonly number[],
): PackedConv {
  const { data, inputs, taps } = weights;
  const { present } = counts.get(block)!;
  const rowSize = inputs * taps;
  const starts = new Int32Array(groups.length + 1);
  present.forEach((count, g) => {
    starts[g + 1] = starts[g] + count;
  });
  const blocks = starts[groups.length];
  const packed = new Float32Array(blocks * block * 8);
  const offsets = new Int32Array(blocks);
  let b = 0;
  groups.forEach((segments, g) => {
    for (const segment of segments) {
      const count = segment.endOut - segment.firstOut;
      for (let tap = 0; tap < taps; tap++) {
        for (let input = 0; input < inputs; input += block) {
          const end = Math.min(input + block, inputs);
          if (!isPresent(segment, taps, tap, input, end)) continue;
          offsets[b] = tapBytes[tap] + (segment.base + input) * 4;
          let from = (segment.firstOut * inputs + input) * taps + tap;
          let to = b * block * 8 + segment.firstOut - g * 8;
          for (let i = input; i < end; i++, from += taps, to += 8) {
            for (let o = 0, at = from; o < count; o++, at += rowSize) packed[to + o] = data[at];
          }
          b++;
        }
      }
    }
  });
  return { block, starts, weights: packed, offsets };
}

function segmentsOf(weights: ConvWeights, first: number): Segment[] {
  const { data, outputs, inputs, taps, groups } = weights;
  const end = Math.min(first + 8, outputs);
  const perGroup = outputs / groups;
  const size = inputs * taps;
  const segments: Segment[] = [];
  for (let firstOut = first; firstOut < end; ) {
    const group = Math.floor(firstOut / perGroup);
    const endOut = Math.min(end, (group + 1) * perGroup);
    const present = new Uint8Array(size);
    for (let o = firstOut; o < endOut; o++) {
      const at = o * size;
      for (let j = 0; j < size; j++) if (data[at + j] !== 0) present[j] = 1;
    }
    segments.push({ base: group * inputs, firstOut, endOut, present });
    firstOut = endOut;
  }
  return segments;
}

function countBlocks(segment: Segment, inputs: number, taps: number, block: number): number {
  let count = 0;
  for (let tap = 0; tap < taps; tap++) {
    for (let input = 0; input < inputs; input += block) {
      if (isPresent(segment, taps, tap, input, Math.min(input + block, inputs))) count++;
    }
  }
  return count;
}

function isPresent(
  { present }: Segment,
  taps: number,
  tap: number,
  input: number,
  end: number,
): boolean {
  for (let i = input; i < end; i++) if (present[i * taps + tap]) return true;
  return false;
}
