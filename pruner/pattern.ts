/**
 * From scores to a Mask that obeys a pattern exactly.
 *
 * A weight [outputs, inputs, ...taps] falls into blocks: the elements that vanish together. A block
 * of `block:16x8` is 16 outputs x 8 inputs of one tap, of `channel` one output, of `unstructured`
 * one element, of `n:m` one element or, where outputs share, one of each of them. Blocks at the edge are smaller. Budgets count blocks, whatever their size;
 * `sparsityOf` gives the fraction of elements.
 */
import { ModelError } from "../runtime/model/errors.ts";
import { formatPattern, type Mask, type SparsityPattern } from "../runtime/model/pattern.ts";
import { matrixOf } from "../runtime/model/sparse/format.ts";
import { type Shape, sizeOf } from "../runtime/model/tensor.ts";

export type NMPattern = Extract<SparsityPattern, { kind: "n:m" }>;

/** How a weight falls into blocks. */
export interface Blocks {
  readonly pattern: SparsityPattern;
  readonly shape: Shape;
  readonly count: number;
  readonly sizes: Int32Array; // [count]: elements of each block
  readonly of: Int32Array; // [sizeOf(shape)]: block of each element, row-major
}

/** The blocks of a weight. Blocks run by output row, then tap, then input: the order of the formats. */
export function blocksOf(shape: Shape, pattern: SparsityPattern): Blocks {
  if (shape.length < 2) {
    throw new ModelError(`a weight [${shape}] has no blocks: expected [outputs, inputs, ...taps]`);
  }
  const [outputs, inputs, taps] = matrixOf(shape);
  const [rows, cols] = blockShape(pattern, inputs);
  const colBlocks = Math.ceil(inputs / cols);
  const tapBlocks = pattern.kind === "channel" ? 1 : taps * colBlocks;
  const count = Math.ceil(outputs / rows) * tapBlocks;
  const of = new Int32Array(sizeOf(shape));
  const sizes = new Int32Array(count);
  for (let output = 0, e = 0; output < outputs; output++) {
    const rowBlock = Math.floor(output / rows) * tapBlocks;
    for (let input = 0; input < inputs; input++) {
      const colBlock = Math.floor(input / cols);
      for (let tap = 0; tap < taps; tap++, e++) {
        of[e] = pattern.kind === "channel" ? rowBlock : rowBlock + tap * colBlocks + colBlock;
        sizes[of[e]]++;
      }
    }
  }
  return { pattern, shape, count, sizes, of };
}

function blockShape(pattern: SparsityPattern, inputs: number): [rows: number, cols: number] {
  if (pattern.kind === "block") return [pattern.rows, pattern.cols];
  if (pattern.kind === "channel") return [1, inputs];
  return [pattern.kind === "n:m" ? (pattern.rows ?? 1) : 1, 1];
}

/** Sum over each block of `elements` (row-major, one for each element of the weight). */
export function blockSums(blocks: Blocks, elements: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(blocks.count);
  for (let e = 0; e < blocks.of.length; e++) sums[blocks.of[e]] += elements[e];
  return sums;
}

/** Root mean square of the weights of each block: ||w_b||_2 / sqrt(n_b). */
export function blockRms(blocks: Blocks, weight: ArrayLike<number>): Float64Array {
  const rms = new Float64Array(blocks.count);
  for (let e = 0; e < blocks.of.length; e++) rms[blocks.of[e]] += weight[e] * weight[e];
  for (let b = 0; b < rms.length; b++) rms[b] = Math.sqrt(rms[b] / blocks.sizes[b]);
  return rms;
}

/** One value a block -> one value an element, row-major. */
export function expandTo<T extends Float32Array | Uint8Array>(
  blocks: Blocks,
  perBlock: ArrayLike<number>,
  elements: T,
): T {
  for (let e = 0; e < blocks.of.length; e++) elements[e] = perBlock[blocks.of[e]];
  return elements;
}

/** The mask that keeps the blocks with `keep` = 1. */
export function expand(blocks: Blocks, keep: Uint8Array): Mask {
  const { pattern, shape } = blocks;
  return { pattern, shape, keep: expandTo(blocks, keep, new Uint8Array(blocks.of.length)) };
}

/** 1 at the `k` largest scores; of equal scores the one with the lower index is kept. */
export function topK(scores: ArrayLike<number>, k: number): Uint8Array {
  const keep = new Uint8Array(scores.length);
  if (k >= scores.length) return keep.fill(1);
  if (k <= 0) return keep;
  const least = kthLargest(scores, k);
  let left = k;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i] <= least) continue;
    keep[i] = 1;
    left--;
  }
  for (let i = 0; left > 0; i++) {
    if (scores[i] !== least) continue;
    keep[i] = 1;
    left--;
  }
  return keep;
}

/**
 * Exact, without sorting them all: a histogram of the upper 16 bits of each number, turned so that they order as the
 * numbers do, finds the few among which it is. Needs 1 ≤ k ≤ length.
 */
function kthLargest(scores: ArrayLike<number>, k: number): number {
  const values = Float64Array.from(scores);
  const words = new Uint32Array(values.buffer); // little-endian: the upper word is the second
  const bins = new Uint32Array(1 << 16);
  const binOf = (i: number) => {
    const upper = words[2 * i + 1] >>> 16;
    return upper & 0x8000 ? ~upper & 0xffff : upper | 0x8000;
  };
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) throw new ModelError(`the score of block ${i} is not a number`);
    values[i] += 0; // -0 is 0
    bins[binOf(i)]++;
  }
  let bin = bins.length - 1;
  let above = 0;
  while (above + bins[bin] < k) above += bins[bin--];
  const among = new Float64Array(bins[bin]);
  for (let i = 0, to = 0; i < values.length; i++) if (binOf(i) === bin) among[to++] = values[i];
  return among.sort()[among.length - (k - above)];
}

/** The fewest blocks a layer keeps: 1 - maxSparsity of them, and never none. */
export function fewestKept(blocks: number, maxSparsity: number): number {
  // The small number keeps 1 - 0.98 = 0.020000000000000018 of 100 blocks at 2.
  return Math.max(1, Math.ceil((1 - maxSparsity) * blocks - 1e-9));
}

/** How many of `blocks` blocks a sparsity keeps. */
export function blockBudget(blocks: number, sparsity: number): number {
  if (!(sparsity >= 0 && sparsity < 1)) {
    throw new ModelError(`sparsity ${sparsity} is not possible; expected 0 ≤ sparsity < 1`);
  }
  return Math.round((1 - sparsity) * blocks);
}

/** One ranking over all layers: `keepBest` with the budget that a sparsity gives. */
export function keepGlobally(
  scores: readonly ArrayLike<number>[],
  sparsity: number,
  maxSparsity: number,
): Uint8Array[] {
  const total = scores.reduce((sum, layer) => sum + layer.length, 0);
  return keepBest(scores, blockBudget(total, sparsity), maxSparsity);
}

/**
 * Keeps exactly `budget` blocks, the best by score, after every layer has kept its own best `fewestKept`. Returns 1 or
 * 0 for each block, by layer.
 */
export function keepBest(
  scores: readonly ArrayLike<number>[],
  budget: number,
  maxSparsity: number,
): Uint8Array[] {
  const total = scores.reduce((sum, layer) => sum + layer.length, 0);
  const keeps = scores.map((layer) => topK(layer, fewestKept(layer.length, maxSparsity)));
  const forced = keeps.reduce((sum, keep) => sum + count(keep), 0);
  if (forced > budget) {
    throw new ModelError(
      `the sparsity keeps ${budget} of ${total} blocks, but maxSparsity ${maxSparsity} keeps at least ` +
        `${forced}, one or more a layer; lower the sparsity, raise maxSparsity or take smaller blocks`,
    );
  }
  const flat = new Float64Array(total);
  const starts: number[] = [];
  let start = 0;
  for (const [l, layer] of scores.entries()) {
    starts.push(start);
    flat.set(layer, start);
    for (let b = 0; b < layer.length; b++) if (keeps[l][b]) flat[start + b] = -Infinity; // kept already
    start += layer.length;
  }
  const rest = topK(flat, budget - forced);
  for (const [l, keep] of keeps.entries()) {
    for (let b = 0; b < keep.length; b++) keep[b] |= rest[starts[l] + b];
  }
  return keeps;
}

/**
 * Keeps the best `n` of every `m` consecutive inputs of one output and tap; all of a group of ≤ n.
 * `scores` and the result go by block, and the blocks of n:m are elements in the order of the groups.
 */
export function keepInGroups(scores: ArrayLike<number>, blocks: Blocks, pattern: NMPattern): Uint8Array {
  const { n, m } = pattern;
  const [, inputs] = matrixOf(blocks.shape);
  const keep = new Uint8Array(blocks.count);
  for (let row = 0; row < blocks.count; row += inputs) {
    for (let first = row; first < row + inputs; first += m) {
      const end = Math.min(first + m, row + inputs);
      for (let kept = Math.min(n, end - first); kept > 0; kept--) {
        let best = -1;
        for (let b = first; b < end; b++) {
          if (keep[b] === 0 && (best < 0 || scores[b] > scores[best])) best = b;
        }
        keep[best] = 1;
      }
    }
  }
  return keep;
}

/** Number of ones. */
export function count(keep: Uint8Array): number {
  let ones = 0;
  for (const value of keep) ones += value;
  return ones;
}

/** Number of blocks that a mask keeps. Throws a ModelError where a block is kept in part or a group keeps too many. */
export function keptBlocks(mask: Mask): number {
  const blocks = blocksOf(mask.shape, mask.pattern);
  const sums = blockSums(blocks, mask.keep);
  let kept = 0;
  for (let b = 0; b < sums.length; b++) {
    if (sums[b] !== 0 && sums[b] !== blocks.sizes[b]) {
      throw new ModelError(
        `mask of [${mask.shape}]: block ${b} of ${formatPattern(mask.pattern)} keeps ${sums[b]} of ` +
          `${blocks.sizes[b]} elements; expected all or none`,
      );
    }
    if (sums[b] !== 0) kept++;
  }
  if (mask.pattern.kind === "n:m") {
    const best = keepInGroups(sums, blocks, mask.pattern);
    if (sums.some((sum, b) => sum > 0 && !best[b])) {
      const { n, m } = mask.pattern;
      throw new ModelError(`mask of [${mask.shape}]: a group of ${m} inputs keeps more than ${n}`);
    }
  }
  return kept;
}

/** The fraction of elements that a mask removes. */
export function sparsityOf(mask: Mask): number {
  return 1 - count(mask.keep) / mask.keep.length;
}
