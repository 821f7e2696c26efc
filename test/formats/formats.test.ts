/** Sparse formats: what is encoded comes back, and what is malformed is refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Mask, SparsityPattern } from "../../runtime/model/pattern.ts";
import type {
  BlockSparse,
  NMSparse,
  SparseTensor,
  UnstructuredSparse,
} from "../../runtime/model/sparse/format.ts";
import {
  checkWeight,
  decodeWeight,
  encoders,
  encodeWeight,
  type formats,
  storedBytes,
} from "../../runtime/model/sparse/index.ts";
import { bitsOf, packIndices, unpackIndices } from "../../runtime/model/sparse/packed.ts";
import { tensor } from "../../runtime/model/tensor.ts";
import { masked, randomMask, randomWeight, seeds, shapes } from "./examples.ts";

const patterns: readonly SparsityPattern[] = [
  { kind: "block", rows: 16, cols: 8 },
  { kind: "block", rows: 4, cols: 1 },
  { kind: "block", rows: 1, cols: 5 },
  { kind: "n:m", n: 2, m: 4 },
  { kind: "n:m", n: 1, m: 3 },
  { kind: "n:m", n: 5, m: 16 },
  { kind: "n:m", n: 2, m: 4, rows: 8 },
  { kind: "n:m", n: 1, m: 3, rows: 3 },
  { kind: "channel" },
  { kind: "unstructured" },
];

interface Example {
  readonly pattern: SparsityPattern;
  readonly good: SparseTensor; // of the weight [3, 5] or so that the flaws below spoil
  readonly flaws: readonly [claim: string, message: RegExp, change: object][];
}

const block: BlockSparse = {
  format: "block",
  shape: [5, 6],
  blockShape: [4, 4],
  rowPtr: Int32Array.of(0, 2, 3),
  colIdx: Int32Array.of(0, 1, 0),
  values: Float32Array.from({ length: 48 }, (_, i) =>
    i < 16 || (i < 32 && i % 4 < 2) || (i > 31 && i < 36) ? i + 1 : 0,
  ),
};
const nm: NMSparse = {
  format: "n:m",
  shape: [2, 6],
  n: 2,
  m: 4,
  indices: Uint8Array.of(0, 3, 1, 1, 2, 3, 0, 0),
  values: Float32Array.of(1, 2, 3, 0, 4, 5, 0, 0),
};
const unstructured: UnstructuredSparse = {
  format: "unstructured",
  shape: [3, 2, 2, 1],
  rowPtr: Int32Array.of(0, 2, 2, 3),
  colIdx: Int32Array.of(0, 3, 1),
  values: Float32Array.of(1, 2, 3),
};

/** One example a format: the compiler asks for the next. */
const examples: Record<keyof typeof formats, Example> = {
  block: {
    pattern: { kind: "block", rows: 4, cols: 4 },
    good: block,
    flaws: [
      ["a shape of rank 1", /rank ≥ 2/, { shape: [30] }],
      ["a shape whose product overflows", /overflows/, { shape: [2 ** 20, 2 ** 20] }],
      ["a fractional size", /whole numbers/, { shape: [5, 6.5] }],
      ["a block of no rows", /blockShape is \[0,4\]/, { blockShape: [0, 4] }],
      ["a block of three sizes", /blockShape/, { blockShape: [4, 4, 1] }],
      ["a block whose product overflows", /overflows/, { blockShape: [2 ** 20, 2 ** 20] }],
      ["too short a rowPtr", /rowPtr has 2 elements; expected 3/, { rowPtr: Int32Array.of(0, 3) }],
      ["a rowPtr that does not start at 0", /runs from 1/, { rowPtr: Int32Array.of(1, 2, 3) }],
      ["a rowPtr that ends elsewhere", /runs from 0 to 2/, { rowPtr: Int32Array.of(0, 2, 2) }],
      ["a rowPtr beyond the end", /rowPtr\[1\] is 9/, { rowPtr: Int32Array.of(0, 9, 3) }],
      ["a rowPtr that falls", /rowPtr\[1\] is -1/, { rowPtr: Int32Array.of(0, -1, 3) }],
      ["a column out of range", /colIdx\[2\] is 2; expected 0 to 1/, { colIdx: Int32Array.of(0, 1, 2) }],
      ["a negative column", /colIdx\[0\] is -1/, { colIdx: Int32Array.of(-1, 1, 0) }],
      ["a repeated column", /colIdx\[1\] is 0; expected 1/, { colIdx: Int32Array.of(0, 0, 0) }],
      ["falling columns", /ascending in row 0/, { colIdx: Int32Array.of(1, 0, 0) }],
      ["too few values", /values has 47 elements; expected 48/, { values: new Float32Array(47) }],
      [
        "a value in the padding columns",
        /values\[19\] is padding of block 1/,
        { values: block.values.with(19, 1) },
      ],
      [
        "a value in the padding rows",
        /values\[36\] is padding of block 2/,
        { values: block.values.with(36, 1) },
      ],
    ],
  },
  "n:m": {
    pattern: { kind: "n:m", n: 2, m: 4 },
    good: nm,
    flaws: [
      ["a shape of rank 1", /rank ≥ 2/, { shape: [12] }],
      ["a shape whose product overflows", /overflows/, { shape: [2 ** 20, 2 ** 20] }],
      ["n = m", /n:m is 4:4/, { n: 4 }],
      ["n = 0", /n:m is 0:4/, { n: 0 }],
      ["m over a byte", /n:m is 2:257/, { m: 257 }],
      ["fractions", /n:m is 1.5:4/, { n: 1.5 }],
      ["no rows that share", /rows is 0/, { rows: 0 }],
      ["more rows than its indices are for", /indices has 8 elements; expected 4/, { rows: 2 }],
      ["too few indices", /indices has 7 elements; expected 8/, { indices: new Uint8Array(7) }],
      ["too few values", /values has 7 elements; expected 8/, { values: new Float32Array(7) }],
      ["an index beyond the group", /indices\[1\] is 4/, { indices: nm.indices.with(1, 4) }],
      [
        "an index beyond the short last group",
        /indices\[3\] is 2; expected 1 to 1/,
        { indices: nm.indices.with(3, 2) },
      ],
      ["falling indices", /ascending/, { indices: nm.indices.with(0, 3).with(1, 0) }],
      ["a value at an unused place", /values\[3\] is an unused place/, { values: nm.values.with(3, 1) }],
    ],
  },
  unstructured: {
    pattern: { kind: "unstructured" },
    good: unstructured,
    flaws: [
      ["a shape of rank 1", /rank ≥ 2/, { shape: [12] }],
      ["a shape whose product overflows", /overflows/, { shape: [2 ** 20, 2 ** 20] }],
      ["too long a rowPtr", /rowPtr has 5 elements/, { rowPtr: Int32Array.of(0, 2, 2, 2, 3) }],
      ["a rowPtr that falls", /rowPtr\[2\] is 1; expected 2/, { rowPtr: Int32Array.of(0, 2, 1, 3) }],
      ["a column out of range", /colIdx\[1\] is 4; expected 1 to 3/, { colIdx: Int32Array.of(0, 4, 1) }],
      ["a repeated column", /colIdx\[1\] is 0/, { colIdx: Int32Array.of(0, 0, 1) }],
      ["too many values", /values has 4 elements; expected 3/, { values: new Float32Array(4) }],
    ],
  },
};

describe.each(Object.entries(examples))("format %s", (name, { pattern, good, flaws }) => {
  test("its example is accepted, and encoding what it decodes to gives it again", () => {
    checkWeight(good, "weight");
    const weight = decodeWeight(good);
    const mask = { pattern, shape: good.shape, keep: keepStored(good) };
    const again = encoders[name as keyof typeof encoders](weight, mask);
    expect(again).toEqual(good);
  });

  test.each(flaws)("refuses %s", (_claim, message, change) => {
    const bad = { ...good, ...change } as SparseTensor;
    expect(() => checkWeight(bad, "constant 'w'")).toThrow(
      expect.objectContaining({ name: "ModelError", message: expect.stringMatching(message) }),
    );
    expect(() => checkWeight(bad, "constant 'w'")).toThrow(/^constant 'w'/);
  });
});

describe.each(patterns.map((pattern) => [JSON.stringify(pattern), pattern] as const))(
  "%s",
  (_, pattern) => {
    test("whatever the shape, decode(encode(weight, mask)) is the masked weight, and passes the check", () => {
      const densities = fc.constantFrom(0, 0.1, 0.5, 0.9, 1);
      fc.assert(
        fc.property(shapes, densities, seeds, (shape, density, seed) => {
          const weight = randomWeight(shape, seed);
          const mask = randomMask(shape, pattern, density, seed);
          const stored = encodeWeight(weight, mask);
          checkWeight(stored, "weight");
          expect(decodeWeight(stored)).toEqual(masked(weight, mask));
          expect("format" in stored).toBe(mask.keep.includes(0));
        }),
      );
    });
  },
);

test.each<[claim: string, pattern: SparsityPattern, keep: number[], message: RegExp]>([
  ["part of a block", { kind: "block", rows: 2, cols: 2 }, [1, 1, 0, 0, 1, 0, 0, 0], /keeps 3 of 4/],
  [
    "three of four where 2:4 is promised",
    { kind: "n:m", n: 2, m: 4 },
    [1, 1, 1, 0, 0, 0, 0, 0],
    /more than 2/,
  ],
  [
    "other places of two outputs that share theirs",
    { kind: "n:m", n: 2, m: 4, rows: 2 },
    [1, 1, 0, 0, 1, 0, 1, 0],
    /outputs 0 to 1 .*same/,
  ],
  ["part of a channel", { kind: "channel" }, [1, 1, 1, 0, 0, 0, 0, 0], /output 0 keeps 3 of 4/],
])("a mask that keeps %s is refused", (_, pattern, keep, message) => {
  const mask: Mask = { pattern, shape: [2, 4], keep: Uint8Array.from(keep) };
  expect(() => encodeWeight(randomWeight([2, 4], 1), mask)).toThrow(
    expect.objectContaining({ name: "ModelError", message: expect.stringMatching(message) }),
  );
});

test("a mask of another shape is refused", () => {
  const mask = randomMask([4, 2], { kind: "unstructured" }, 0.5, 1);
  expect(() => encodeWeight(randomWeight([2, 4], 1), mask)).toThrow(/does not fit the weight \[2,4\]/);
});

test("2:4 stores two values in four and a place of two bits for each", () => {
  const weight = randomWeight([8, 64], 1);
  const mask = randomMask([8, 64], { kind: "n:m", n: 2, m: 4 }, 0.5, 1);
  mask.keep.set([0, 0, 1, 1]); // the highest place is in use
  expect(storedBytes(encodeWeight(weight, mask))).toBe(256 * 4 + 256 / 4);
});

test("outputs that share their places store them once", () => {
  const weight = randomWeight([12, 64], 1);
  const mask = randomMask([12, 64], { kind: "n:m", n: 2, m: 4, rows: 8 }, 1, 1);
  for (let row = 0; row < 12; row++) mask.keep.set([0, 0, 1, 1], row * 64); // the highest place is in use
  expect(storedBytes(encodeWeight(weight, mask))).toBe(12 * 32 * 4 + (2 * 32) / 4);
});

test("a value that is no number is stored like any other", () => {
  const weight = tensor([2, 2], Float32Array.of(Number.NaN, 1, -0, Number.POSITIVE_INFINITY));
  const mask = {
    pattern: { kind: "unstructured" },
    shape: [2, 2],
    keep: Uint8Array.of(1, 0, 1, 1),
  } as const;
  expect(decodeWeight(encodeWeight(weight, mask)).data).toEqual(
    Float32Array.of(Number.NaN, 0, -0, Number.POSITIVE_INFINITY),
  );
});

test("removed channels cost one index a tap, not one a weight", () => {
  const weight = randomWeight([8, 32, 3, 3], 1);
  const mask = randomMask(weight.shape, { kind: "channel" }, 0.5, 7);
  const stored = encodeWeight(weight, mask) as BlockSparse;
  expect(stored.blockShape).toEqual([1, 32]);
  expect(storedBytes(stored) - stored.values.byteLength).toBeLessThan(stored.values.byteLength / 100);
});

test("indices of any width survive packing", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 })),
      fc.integer({ min: 0, max: 30 }),
      (raw, shift) => {
        const indices = Int32Array.from(raw, (index) => index >> shift);
        const bits = bitsOf(indices);
        const packed = packIndices(indices, bits);
        expect(packed.length).toBe(Math.ceil((indices.length * bits) / 8));
        expect(unpackIndices(packed, bits, new Int32Array(indices.length))).toEqual(indices);
      },
    ),
  );
});

/** The mask of what `t` stores, padding and unused places left out (a stored 0 would be lost: examples have none). */
function keepStored(t: SparseTensor): Uint8Array {
  return Uint8Array.from(decodeWeight(t).data, (value) => (value !== 0 ? 1 : 0));
}
