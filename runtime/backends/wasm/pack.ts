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

/** Which blocks are there, by their K, and how to pack them. */
export interface Census {
  readonly counts: ReadonlyMap<number, BlockCount>;
  /** `tapBytes[tap]` is the byte offset of a tap. */
  pack(block: number, tapBytes: readonly number[]): PackedConv;
}

export interface BlockCount {
  readonly present: Int32Array; // [groups]: blocks with a weight in them
  readonly dense: number; // blocks that a weight without zeros would have
}

/** `lanes` is how many floats may be read of a tap. */
export function takeCensus(weights: ConvWeights, lanes: number): Census {
  return censusOfBlocks(weights, lanes) ?? censusOfAll(weights, lanes);
}

/** Weights stored in blocks of whole groups are packed from there, without all the zeros in between. */
function censusOfBlocks(
  { blocks, groups, outputs, inputs, taps }: ConvWeights,
  lanes: number,
): Census | undefined {
  if (!blocks || groups > 1) return undefined;
  const { rowPtr, colIdx, values } = blocks;
  const [rows, cols] = blocks.blockShape;
  const block = [8, 4, 2, 1].find((k) => cols % k === 0)!;
  if (rows % 8 !== 0 || Math.ceil(inputs / block) * block > lanes) return undefined;
  const count = Math.ceil(outputs / 8);
  const parts = cols / block; // kernel blocks side by side in a stored block
  const gridCols = Math.ceil(inputs / cols);
  // Of a block at the edge, the parts beyond the inputs are padding.
  const partsOf = (b: number) =>
    Math.min(parts, Math.ceil((inputs - (colIdx[b] % gridCols) * cols) / block));
  const starts = new Int32Array(count + 1);
  for (let g = 0; g < count; g++) {
    const row = Math.floor((g * 8) / rows);
    starts[g + 1] = starts[g];
    for (let b = rowPtr[row]; b < rowPtr[row + 1]; b++) starts[g + 1] += partsOf(b);
  }
  const present = Int32Array.from({ length: count }, (_, g) => starts[g + 1] - starts[g]);
  return {
    counts: new Map([[block, { present, dense: count * Math.ceil(inputs / block) * taps }]]),
    pack(_, tapBytes) {
      const weights = new Float32Array(starts[count] * block * 8);
      const offsets = new Int32Array(starts[count]);
      let packed = 0;
      let to = 0;
      for (let g = 0; g < count; g++) {
        const row = Math.floor((g * 8) / rows);
        for (let b = rowPtr[row]; b < rowPtr[row + 1]; b++) {
          const tap = Math.floor(colIdx[b] / gridCols);
          const input = (colIdx[b] % gridCols) * cols;
          const first = (b * rows + ((g * 8) % rows)) * cols;
          for (let part = 0, end = partsOf(b); part < end; part++) {
            offsets[packed++] = tapBytes[tap] + (input + part * block) * 4;
            for (let k = 0; k < block; k++) {
              for (let o = 0, at = first + part * block + k; o < 8; o++, at += cols)
                weights[to++] = values[at];
            }
          }
        }
      }
      return { block, starts, weights, offsets };
    },
  };
}

/** The part of a group of 8 outputs that belongs to one convolution group. */
interface Segment {
  readonly base: number; // first input channel
  readonly firstOut: number;
  readonly endOut: number;
  readonly present: Uint8Array; // [inputs, taps]: 1 where any of the outputs has a weight
}

/** One pass over the weights, for every K that fits. */
function censusOfAll(weights: ConvWeights, lanes: number): Census {
  const { outputs, inputs, taps, groups } = weights;
  const sizes = lanes % 8 && groups === 1 ? [longestPart(lanes), 4, 2, 1] : [8, 4, 2, 1];
  // A block may reach past a group's channels (its weights there are zero), never past the tap.
  const fits = sizes.filter((k) => (groups - 1) * inputs + Math.ceil(inputs / k) * k <= lanes);
  const census: Segment[][] = [];
  for (let first = 0; first < outputs; first += 8) census.push(segmentsOf(weights, first));
  const counts = new Map<number, BlockCount>();
  for (const block of fits) {
    const present = Int32Array.from(census, (segments) =>
      segments.reduce((sum, segment) => sum + countBlocks(segment, inputs, taps, block), 0),
    );
    const segments = census.reduce((sum, group) => sum + group.length, 0);
    counts.set(block, { present, dense: segments * Math.ceil(inputs / block) * taps });
  }
  return {
    counts,
    pack: (block, tapBytes) => packSegments(weights, census, counts.get(block)!, block, tapBytes),
  };
}

/** Rows of a picture's taps are no multiple of 8: the largest divisor of which a kernel's loop is still short. */
function longestPart(lanes: number): number {
  let parts = Math.ceil(lanes / 24);
  while (lanes % parts) parts++;
  return lanes / parts;
}

function packSegments(
  { data, inputs, taps }: ConvWeights,
  groups: readonly (readonly Segment[])[],
  { present }: BlockCount,
  block: number,
  tapBytes: readonly number[],
): PackedConv {
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
