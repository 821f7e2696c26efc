/**
 * Constant weights as the product kernel wants them: for each group of R outputs the list of blocks, C inputs of one
 * tap each, that hold a weight. One kernel so runs dense weights and every pattern, the better the more its zeros
 * fill such blocks; which R x C is the best of a weight is decided by a count of what each would multiply.
 */

/** A weight as a matrix for each tap. */
export interface Weights {
  readonly data: Float32Array; // [outputs, inputs, taps], row-major
  readonly outputs: number;
  readonly inputs: number; // of one group
  readonly taps: number;
  readonly groups: number; // of a convolution: each has its own inputs
}

export interface BlockShape {
  readonly rows: number; // R: 1, 2, 4 … 64
  readonly cols: number; // C: 8, 4 or 1
}

export interface Packed extends BlockShape {
  readonly isDense: boolean; // every block is there
  readonly kept: number; // fraction of the blocks
  /** [groups of rows][4]: first and end of its blocks, first output, outputs; then [blocks]: tap * 65536 + input. */
  readonly index: Uint32Array;
  readonly rowGroups: number;
  readonly values: Float32Array; // [blocks][C][R]
}

/** Inputs of a product that are multiplied between two barriers: blocks of fewer are taken several at a time. */
export const depth = 8;

export const blockShapes: readonly BlockShape[] = [64, 32, 16, 8, 4, 2, 1].flatMap((rows) =>
  [8, 4, 1].map((cols) => ({ rows, cols })),
);

export const nameOf = ({ rows, cols }: BlockShape): string => `${rows}x${cols}`;

/** The block shape that multiplies the least, each product weighed by what its kernel loads for it. */
export function chooseBlocks(weights: Weights): BlockShape {
  const perGroup = weights.outputs / weights.groups;
  const fits = ({ rows, cols }: BlockShape) =>
    (rows === 1 || rows / 2 < perGroup) && (weights.groups === 1 || weights.inputs % cols === 0);
  const counts = countBlocks(weights);
  const costs = blockShapes.filter(fits).map((shape) => {
    return { shape, cost: counts.get(nameOf(shape))! * costOf(shape) };
  });
  return costs.reduce((best, next) => (next.cost < best.cost ? next : best)).shape;
}

/** How many blocks of each shape hold a weight. */
function countBlocks({ data, outputs, inputs, taps, groups }: Weights): Map<string, number> {
  const counts = new Map(blockShapes.map((shape) => [nameOf(shape), 0]));
  const perGroup = outputs / groups;
  const columns = taps * inputs;
  for (let group = 0; group < groups; group++) {
    // Where a row, then a pair of rows, then four … hold a weight: [rows][taps][inputs].
    const present = new Uint8Array(perGroup * columns);
    for (let row = 0, at = group * perGroup * columns; row < perGroup; row++) {
      for (let input = 0; input < inputs; input++) {
        for (let tap = 0; tap < taps; tap++, at++) {
          if (data[at] !== 0) present[row * columns + tap * inputs + input] = 1;
        }
      }
    }
    for (let rows = 1, count = perGroup; rows <= 64; rows *= 2) {
      if (rows > 1) count = mergeRows(present, count, columns);
      for (const cols of [8, 4, 1]) {
        let found = 0;
        for (let first = 0; first < count * columns; first += inputs) {
          for (let at = first; at < first + inputs; at += cols) {
            const end = Math.min(at + cols, first + inputs);
            for (let i = at; i < end; i++) {
              if (!present[i]) continue;
              found++;
              break;
            }
          }
        }
        const name = nameOf({ rows, cols });
        counts.set(name, counts.get(name)! + found);
      }
    }
  }
  return counts;
}

/** Makes row r what rows 2 r and 2 r + 1 hold together. Gives how many rows there are then. */
function mergeRows(present: Uint8Array, rows: number, columns: number): number {
  const half = Math.ceil(rows / 2);
  present.fill(0, rows * columns, Math.min(present.length, 2 * half * columns)); // of an odd number, what is behind
  for (let row = 0; row < half; row++) {
    const [to, a, b] = [row * columns, 2 * row * columns, (2 * row + 1) * columns];
    for (let i = 0; i < columns; i++) present[to + i] = present[a + i] | present[b + i];
  }
  return half;
}

/**
 * A block of R x C: R C products for each pixel, and the loads of C inputs, which are shared by its R outputs: as
 * much as 4 products each. Single columns cost an index each. To be measured on a GPU; see docs/webgpu.md.
 */
function costOf({ rows, cols }: BlockShape): number {
  return cols * (rows + 4) * (cols === 8 ? 1 : cols === 4 ? 1.05 : 1.15);
}

export function pack(weights: Weights, shape: BlockShape): Packed {
  const { rows, cols } = shape;
  const { data, outputs, inputs, taps, groups } = weights;
  const perGroup = outputs / groups;
  const groupsEach = Math.ceil(perGroup / rows);
  const lists = presentBlocks(weights, shape);
  const together = Math.max(1, depth / cols);
  const padded = lists.map((list) => Math.ceil(list.length / together) * together);
  const order = lists.map((_, g) => g).sort((a, b) => padded[b] - padded[a] || a - b);
  const total = padded.reduce((sum, count) => sum + count, 0);
  const index = new Uint32Array(lists.length * 4 + total);
  const values = new Float32Array(total * cols * rows);
  let at = 0;
  order.forEach((g, place) => {
    const group = Math.floor(g / groupsEach);
    const within = (g % groupsEach) * rows; // outputs of the group before
    const firstOutput = group * perGroup + within;
    const count = Math.min(rows, perGroup - within);
    index.set([at, at + padded[g], firstOutput, count], place * 4);
    lists[g].forEach((block, i) => {
      const tap = Math.floor(block / inputs);
      const input = block % inputs;
      index[lists.length * 4 + at + i] = tap * 65536 + group * inputs + input;
      const width = Math.min(cols, inputs - input);
      for (let c = 0; c < width; c++) {
        for (let r = 0; r < count; r++) {
          values[((at + i) * cols + c) * rows + r] =
            data[((firstOutput + r) * inputs + input + c) * taps + tap];
        }
      }
    });
    // What fills a list up to a whole step has zeros for weights, and reads what is there anyway.
    const last = lists[g].length ? index[lists.length * 4 + at + lists[g].length - 1] : group * inputs;
    index.fill(last, lists.length * 4 + at + lists[g].length, lists.length * 4 + at + padded[g]);
    at += padded[g];
  });
  const all = lists.length * taps * Math.ceil(inputs / cols);
  const present = lists.reduce((sum, list) => sum + list.length, 0);
  const kept = all ? present / all : 1;
  return { ...shape, isDense: present === all, kept, index, rowGroups: lists.length, values };
}

/** For each group of rows, ascending: tap * inputs + first input of each block with a weight in it. */
function presentBlocks({ data, outputs, inputs, taps, groups }: Weights, { rows, cols }: BlockShape) {
  const perGroup = outputs / groups;
  const lists: number[][] = [];
  for (let group = 0; group < groups; group++) {
    for (let first = 0; first < perGroup; first += rows) {
      const [from, to] = [group * perGroup + first, group * perGroup + Math.min(perGroup, first + rows)];
      const list: number[] = [];
      for (let tap = 0; tap < taps; tap++) {
        for (let input = 0; input < inputs; input += cols) {
          if (hasWeight(data, from, to, inputs, input, Math.min(inputs, input + cols), taps, tap))
            list.push(tap * inputs + input);
        }
      }
      lists.push(list);
    }
  }
  return lists;
}

function hasWeight(
  data: Float32Array,
  from: number,
  to: number,
  inputs: number,
  first: number,
  end: number,
  taps: number,
  tap: number,
): boolean {
  for (let output = from; output < to; output++) {
    for (let input = first; input < end; input++) {
      if (data[(output * inputs + input) * taps + tap] !== 0) return true;
    }
  }
  return false;
}
