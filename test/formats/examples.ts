/** Examples for tests of sparse weights: masks that obey a pattern, and weights of awkward shapes. */
import fc from "fast-check";
import type { Mask, SparsityPattern } from "../../runtime/model/pattern.ts";
import { matrixOf } from "../../runtime/model/sparse/format.ts";
import { type Shape, sizeOf, type Tensor, tensor } from "../../runtime/model/tensor.ts";

/** Shapes with edges: fewer outputs or inputs than a block, one more than a block, no taps, many taps. */
export const shapes = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 19 }), fc.integer({ min: 1, max: 19 })),
  fc.tuple(
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 17 }),
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 3 }),
  ),
);

export const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });

/** Whole numbers from 0 below `end`, the same for the same seed. */
export function randomInts(seed: number): (end: number) => number {
  let state = seed;
  return (end) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
}

/** Weights that are never 0, so that what is lost shows. */
export function randomWeight(shape: Shape, seed: number): Tensor<"float32"> {
  const random = randomInts(seed);
  return tensor(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => (random(2) ? 1 : -1) * (1 + random(1000) / 999)),
  );
}

/** A mask that obeys `pattern` and keeps about `density` of the weight. */
export function randomMask(shape: Shape, pattern: SparsityPattern, density: number, seed: number): Mask {
  const random = randomInts(seed);
  const [outputs, inputs, taps] = matrixOf(shape);
  const keep = new Uint8Array(sizeOf(shape));
  const groupOf = (output: number, input: number, tap: number): string => {
    if (pattern.kind === "channel") return `${output}`;
    if (pattern.kind === "block")
      return `${Math.floor(output / pattern.rows)} ${Math.floor(input / pattern.cols)} ${tap}`;
    const rows = (pattern.kind === "n:m" && pattern.rows) || 1;
    return `${Math.floor(output / rows)} ${input} ${tap}`;
  };
  const isKept = new Map<string, boolean>();
  for (let output = 0; output < outputs; output++) {
    for (let tap = 0; tap < taps; tap++) {
      let left = 0;
      for (let input = 0; input < inputs; input++) {
        const group = groupOf(output, input, tap);
        if (!isKept.has(group)) isKept.set(group, random(1000) < density * 1000);
        if (pattern.kind === "n:m" && input % pattern.m === 0) left = pattern.n;
        const wanted = isKept.get(group)! && (pattern.kind !== "n:m" || left-- > 0);
        keep[(output * inputs + input) * taps + tap] = wanted ? 1 : 0;
      }
    }
  }
  return { pattern, shape, keep };
}

/** The weight with what the mask removes set to 0. */
export function masked(weight: Tensor<"float32">, mask: Mask): Tensor<"float32"> {
  return tensor(
    weight.shape,
    weight.data.map((value, i) => (mask.keep[i] ? value : 0)),
  );
}
