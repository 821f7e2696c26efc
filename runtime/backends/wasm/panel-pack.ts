/** Weights as the panel kernels want them: for each output, or two that share it, the list of inputs it reads. */
import { mostVectors } from "../../../kernels-wasm/index.ts";
import type { ConvWeights } from "./conv-work.ts";

export type Sharing = 1 | 2; // outputs that share a list
export type Range = readonly [first: number, end: number];

/** How much there is. */
export interface ListCensus {
  readonly entries: Readonly<Record<Sharing, number>>; // of all lists
  readonly rows: number; // inputs of taps that any output reads, in quads of four inputs of one tap
}

export interface PackedLists {
  readonly slices: readonly Int32Array[]; // each [quads]: byte offsets from a pixel's address to four inputs
  readonly counts: Int32Array; // [slices, lists]: bytes of a list's weights
  readonly offsets: Uint16Array; // [entries]: bytes from the panel to an entry's row
  readonly weights: Float32Array; // [entries, sharing]
}

/** A slice of a panel: with as many bytes of activations that it is gathered from, what an L1 cache of 48 KiB holds. */
export const sliceBytes = 27 * 1024;

/** Bytes from a row of the panel to the next. */
export const rowBytes = (sharing: Sharing): number => mostVectors[sharing] * 16;

/** Rows of a slice at most, a multiple of 4. */
export const sliceRows = (sharing: Sharing): number =>
  Math.floor(sliceBytes / (4 * rowBytes(sharing))) * 4;

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
  return {
    entries: { 1: all(single), 2: all(shared) },
    rows: 4 * quadsOf(inputs, taps, present).length,
  };
}

/** What has been packed, as long as somebody holds the weights: ways that are tried are bound twice. */
const packedBefore = new WeakMap<ConvWeights, Map<string, PackedLists>>();

/** Outputs [first, end). Every list has a multiple of `unroll` entries; zeros fill it up. */
export function packLists(
  weights: ConvWeights,
  tapBytes: readonly number[],
  range: Range,
  sharing: Sharing,
  unroll: 1 | 2,
): PackedLists {
  const known = packedBefore.get(weights) ?? new Map<string, PackedLists>();
  packedBefore.set(weights, known);
  const key = [...range, sharing, unroll].join();
  const packed = known.get(key) ?? pack(weights, tapBytes, range, sharing, unroll);
  known.set(key, packed);
  return packed;
}

function pack(
  weights: ConvWeights,
  tapBytes: readonly number[],
  [first, end]: Range,
  sharing: Sharing,
  unroll: number,
): PackedLists {
  const { data, inputs, taps } = weights;
  const size = inputs * taps;
  const quads = quadsOf(inputs, taps, presentInputs(weights, first, end));
  const slices = evenly(quads, Math.ceil((quads.length * 4) / sliceRows(sharing)));
  const lists = roundUp(end - first, 8) / sharing;
  const counts = new Int32Array(slices.length * lists);
  let offsets = new Uint16Array(1 << 16);
  let values = new Float32Array(sharing << 16);
  let n = 0;
  slices.forEach((slice, s) => {
    const columns = slice.flatMap(({ tap, input }) =>
      [0, 1, 2, 3].map((i) => (input + i < inputs ? (input + i) * taps + tap : -1)),
    );
    const rows = columns.flatMap((column, row) => (column < 0 ? [] : [row * rowBytes(sharing)]));
    const from = Int32Array.from(columns.filter((column) => column >= 0));
    const to = Uint16Array.from(rows);
    for (let list = 0, o = first; o < end; list++, o += sharing) {
      const before = n;
      if (n + from.length + unroll > offsets.length) {
        offsets = grown(offsets, new Uint16Array(offsets.length * 2));
        values = grown(values, new Float32Array(values.length * 2));
      }
      n =
        sharing === 1
          ? keep(data, o * size, from, to, values, offsets, n)
          : keepPair(data, o * size, o + 1 < end ? size : 0, from, to, values, offsets, n);
      for (; (n - before) % unroll; n++) {
        offsets[n] = 0;
        values.fill(0, n * sharing, (n + 1) * sharing);
      }
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

/**
 * Appends the weights data[at + from[i]] that are not zero, and their offsets to[i], from entry n on; the new n.
 * Each is written, and only those that are kept move on: there is no branch to mispredict.
 */
function keep(
  data: Float32Array,
  at: number,
  from: Int32Array,
  to: Uint16Array,
  values: Float32Array,
  offsets: Uint16Array,
  n: number,
): number {
  for (let i = 0; i < from.length; i++) {
    const w = data[at + from[i]];
    offsets[n] = to[i];
    values[n] = w;
    n += Number(w !== 0);
  }
  return n;
}

/** The same of two outputs, the second `next` floats behind the first; zeros where `next` is 0. */
function keepPair(
  data: Float32Array,
  at: number,
  next: number,
  from: Int32Array,
  to: Uint16Array,
  values: Float32Array,
  offsets: Uint16Array,
  n: number,
): number {
  for (let i = 0; i < from.length; i++) {
    const w = data[at + from[i]];
    const v = next ? data[at + next + from[i]] : 0;
    offsets[n] = to[i];
    values[2 * n] = w;
    values[2 * n + 1] = v;
    n += Number(w !== 0) | Number(v !== 0);
  }
  return n;
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
