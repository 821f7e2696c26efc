/** Weights as the panel kernels want them: for each output, or two that share it, the list of inputs it reads. */
import { entryStep } from "../../../kernels-wasm/index.ts";
import type { ConvWeights } from "./conv-work.ts";

export type Sharing = 1 | 2; // outputs that share a list

/** How much there is. */
export interface ListCensus {
  readonly weights: number; // that are not zero
  readonly entries: Readonly<Record<Sharing, number>>; // of all lists
  readonly rows: number; // inputs of taps that any output reads, in quads of four inputs of one tap
}

export interface PackedLists {
  readonly slices: readonly Int32Array[]; // each [quads]: byte offsets from a pixel's address to four inputs
  readonly counts: Int32Array; // [slices, lists]: bytes of a list's weights
  readonly offsets: Uint16Array; // [entries]: bytes from the panel to an entry's row
  readonly weights: Float32Array; // [entries, sharing]
}

/** Pairs of outputs that a census looks at. */
const sample = 128;

/** Looks at some of the outputs only where there are many. */
export function takeListCensus({ data, outputs, inputs, taps }: ConvWeights): ListCensus {
  const size = inputs * taps;
  const present = new Uint8Array(size);
  const pairs = Math.ceil(outputs / 2);
  const looked = Math.min(pairs, sample);
  let [single, shared] = [0, 0];
  for (let i = 0; i < looked; i++) {
    const o = 2 * Math.floor((i * pairs) / looked);
    const at = o * size;
    const next = o + 1 < outputs ? at + size : at;
    let [a, b, both] = [0, 0, 0];
    for (let j = 0; j < size; j++) {
      const first = data[at + j] !== 0 ? 1 : 0;
      const second = data[next + j] !== 0 ? 1 : 0;
      a += first;
      b += second;
      both += first | second;
      present[j] |= first | second;
    }
    single += next === at ? a : a + b;
    shared += both;
  }
  const all = (count: number) => Math.round((count * pairs) / looked);
  const weights = all(single);
  const lists = roundUp(outputs, 8);
  return {
    weights,
    // A list that is filled up is, on average, so every other time.
    entries: { 1: weights + (lists * (entryStep(1) - 1)) / 2, 2: all(shared) },
    rows: 4 * quadsOf(inputs, taps, present).length,
  };
}

/** Outputs [first, end), in slices of at most `sliceRows` rows that lie `rowBytes` apart. */
export function packLists(
  weights: ConvWeights,
  tapBytes: readonly number[],
  [first, end]: readonly [first: number, end: number],
  sharing: Sharing,
  sliceRows: number,
  rowBytes: number,
): PackedLists {
  const { data, inputs, taps } = weights;
  const size = inputs * taps;
  const quads = quadsOf(inputs, taps, presentInputs(weights, first, end));
  const slices = evenly(quads, Math.ceil(quads.length / Math.floor(sliceRows / 4)));
  const lists = roundUp(end - first, 8) / sharing;
  const step = entryStep(sharing);
  const counts = new Int32Array(slices.length * lists);
  let offsets = new Uint16Array(1 << 16);
  let values = new Float32Array(sharing << 16);
  let n = 0;
  slices.forEach((slice, s) => {
    const columns = slice.flatMap(({ tap, input }) =>
      [0, 1, 2, 3].map((i) => (input + i < inputs ? (input + i) * taps + tap : -1)),
    );
    const rows = columns.flatMap((column, row) => (column < 0 ? [] : [row * rowBytes]));
    const from = Int32Array.from(columns.filter((column) => column >= 0));
    const to = Uint16Array.from(rows);
    for (let list = 0, o = first; o < end; list++, o += sharing) {
      const before = n;
      if (n + from.length + step > offsets.length) {
        offsets = grown(offsets, new Uint16Array(offsets.length * 2));
        values = grown(values, new Float32Array(values.length * 2));
      }
      // Every weight is written, and only those that are kept move on: no branch to mispredict.
      const at = o * size;
      if (sharing === 1) {
        for (let i = 0; i < from.length; i++) {
          const w = data[at + from[i]];
          offsets[n] = to[i];
          values[n] = w;
          n += w !== 0 ? 1 : 0;
        }
      } else {
        const hasNext = o + 1 < end;
        for (let i = 0; i < from.length; i++) {
          const w = data[at + from[i]];
          const v = hasNext ? data[at + size + from[i]] : 0;
          offsets[n] = to[i];
          values[2 * n] = w;
          values[2 * n + 1] = v;
          n += w !== 0 || v !== 0 ? 1 : 0;
        }
      }
      for (; (n - before) % step; n++) [offsets[n], values[n]] = [0, 0];
      counts[s * lists + list] = (n - before) * sharing * 4;
    }
  });
  return {
    slices: slices.map((slice) => Int32Array.from(slice, ({ tap, input }) => tapBytes[tap] + input * 4)),
    counts,
    offsets: offsets.subarray(0, n),
    weights: values.subarray(0, n * sharing),
  };
}

interface Quad {
  readonly tap: number;
  readonly input: number; // the first of four
}

/** Quads with an input that any output reads, taps outermost; at least one. */
function quadsOf(inputs: number, taps: number, present: Uint8Array): Quad[] {
  const quads: Quad[] = [];
  for (let tap = 0; tap < taps; tap++) {
    for (let input = 0; input < inputs; input += 4) {
      let isRead = 0;
      for (let i = input; i < Math.min(input + 4, inputs); i++) isRead |= present[i * taps + tap];
      if (isRead) quads.push({ tap, input });
    }
  }
  return quads.length ? quads : [{ tap: 0, input: 0 }];
}

/** [inputs, taps]: 1 where one of the outputs has a weight. Ends as soon as all are found, most often early. */
function presentInputs({ data, inputs, taps }: ConvWeights, first: number, end: number): Uint8Array {
  const size = inputs * taps;
  const present = new Uint8Array(size);
  let missing = size;
  for (let o = first; o < end && missing > 0; o++) {
    for (let j = 0, at = o * size; j < size; j++, at++) {
      if (data[at] !== 0 && !present[j]) {
        present[j] = 1;
        missing--;
      }
    }
  }
  return present;
}

/** `parts` consecutive parts of about equal length. */
function evenly<T>(items: readonly T[], parts: number): T[][] {
  const bound = (part: number) => Math.floor((items.length * part) / parts);
  return Array.from({ length: parts }, (_, part) => items.slice(bound(part), bound(part + 1)));
}

function grown<T extends Uint16Array | Float32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

const roundUp = (n: number, step: number): number => Math.ceil(n / step) * step;
