/**
 * Weights as the convolution kernel wants them: for each group of 8 outputs the blocks that are there.
 *
 * A block is K input channels of one tap by 8 outputs, stored [K][8]; a block of zeros is left out. So
 * one kernel runs dense weights and every sparsity pattern, the better the more its zeros fill blocks.
 */
import type { ConvWeights } from "./conv-work.ts";

export interface PackedConv {
  readonly block: number; // K
  readonly groups: readonly PackedGroup[]; // ceil(outputs / 8)
  readonly blocks: number; // in all groups
  readonly denseBlocks: number; // that a dense weight of this shape has
}

export interface PackedGroup {
  readonly weights: Float32Array; // [blocks][K][8]
  readonly offsets: Int32Array; // [blocks]: bytes from the address of the output pixel's first tap
}

/** Cycles of a block beside its multiply-adds: index, pointers, loop. A multiply-add row of 6 pixels takes 6. */
const blockOverhead = 4;

/**
 * `tapBytes[tap]` is the offset of a tap; `stride` the floats a pixel of the input has. Tries blocks of
 * 8, 4, 2 and 1 channels (or the whole of a compact input) and takes what costs least.
 */
export function packConv(weights: ConvWeights, tapBytes: readonly number[], stride: number): PackedConv {
  const { inputs, groups } = weights;
  const sizes = stride < 8 && groups === 1 ? [stride] : [8, 4, 2, 1];
  // A block may reach past a group's channels (its weights there are zero), never past the pixel.
  const fits = sizes.filter((k) => (groups - 1) * inputs + Math.ceil(inputs / k) * k <= stride);
  let best = { block: 0, cost: Number.POSITIVE_INFINITY };
  for (const block of fits) {
    const cost = countBlocks(weights, block) * (6 * block + blockOverhead);
    if (cost < best.cost) best = { block, cost };
  }
  return pack(weights, tapBytes, best.block);
}

function pack(weights: ConvWeights, tapBytes: readonly number[], block: number): PackedConv {
  const { data, outputs, inputs, taps } = weights;
  const groups: PackedGroup[] = [];
  for (let first = 0; first < outputs; first += 8) {
    const present: [channel: number, input: number, tap: number][] = [];
    for (const [base, firstOut, endOut] of convGroups(weights, first)) {
      for (let tap = 0; tap < taps; tap++) {
        for (let input = 0; input < inputs; input += block) {
          if (hasWeight(weights, firstOut, endOut, input, block, tap))
            present.push([base + input, input, tap]);
        }
      }
    }
    const packed = new Float32Array(present.length * block * 8);
    present.forEach(([channel, input, tap], b) => {
      for (let o = first; o < Math.min(first + 8, outputs); o++) {
        if (channel - input !== baseOf(weights, o)) continue;
        for (let k = 0; k < block && input + k < inputs; k++) {
          packed[(b * block + k) * 8 + (o - first)] = data[(o * inputs + input + k) * taps + tap];
        }
      }
    });
    groups.push({
      weights: packed,
      offsets: Int32Array.from(present, ([channel, , tap]) => tapBytes[tap] + channel * 4),
    });
  }
  return {
    block,
    groups,
    blocks: groups.reduce((sum, group) => sum + group.offsets.length, 0),
    denseBlocks: countBlocks(weights, block, true),
  };
}

/** Blocks with a weight in them, or all there could be. */
function countBlocks(weights: ConvWeights, block: number, all = false): number {
  let count = 0;
  for (let first = 0; first < weights.outputs; first += 8) {
    for (const [, firstOut, endOut] of convGroups(weights, first)) {
      for (let tap = 0; tap < weights.taps; tap++) {
        for (let input = 0; input < weights.inputs; input += block) {
          if (all || hasWeight(weights, firstOut, endOut, input, block, tap)) count++;
        }
      }
    }
  }
  return count;
}

/** First input channel of the convolution group that an output belongs to. */
function baseOf({ outputs, inputs, groups }: ConvWeights, output: number): number {
  return Math.floor(output / (outputs / groups)) * inputs;
}

/** The convolution groups that 8 outputs from `first` on touch: [first input channel, first output, end]. */
function convGroups(
  weights: ConvWeights,
  first: number,
): [base: number, firstOut: number, endOut: number][] {
  const end = Math.min(first + 8, weights.outputs);
  const perGroup = weights.outputs / weights.groups;
  const touched: [number, number, number][] = [];
  for (let o = first; o < end; ) {
    const next = Math.min(end, (Math.floor(o / perGroup) + 1) * perGroup);
    touched.push([baseOf(weights, o), o, next]);
    o = next;
  }
  return touched;
}

function hasWeight(
  { data, inputs, taps }: ConvWeights,
  firstOut: number,
  endOut: number,
  input: number,
  block: number,
  tap: number,
): boolean {
  const endIn = Math.min(input + block, inputs);
  for (let o = firstOut; o < endOut; o++) {
    for (let i = input; i < endIn; i++) if (data[(o * inputs + i) * taps + tap] !== 0) return true;
  }
  return false;
}
