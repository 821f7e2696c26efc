/**
 * N:M: of every M consecutive inputs of one tap, at most N are kept; each knows its place in the group. `rows` outputs
 * one after the other may share their places: these are stored once, the values for each output.
 */
import { ModelError } from "../errors.ts";
import { sizeOf, zeros } from "../tensor.ts";
import { checkLength, checkMask, checkShape } from "./check.ts";
import { matrixOf, type NMSparse, type SparseEncoder, type SparseFormat } from "./format.ts";

export const nm: SparseFormat<NMSparse> = {
  decode(t) {
    const weight = zeros(t.shape);
    const [, inputs, taps] = matrixOf(t.shape);
    const groups = Math.ceil(inputs / t.m);
    for (let i = 0; i < t.values.length; i++) {
      const [output, tap, group] = placeOf(Math.floor(i / t.n), taps, groups);
      const at = indexAt(t, i, taps * groups);
      if (i % t.n > 0 && t.indices[at] === t.indices[at - 1]) continue; // an unused place
      const input = group * t.m + t.indices[at];
      weight.data[(output * inputs + input) * taps + tap] = t.values[i];
    }
    return weight;
  },

  check(t, what) {
    const [outputs, inputs, taps] = checkShape(t.shape, what);
    const { n, m, rows = 1 } = t;
    if (!Number.isInteger(n) || !Number.isInteger(m) || n < 1 || n >= m || m > 256) {
      throw new ModelError(`${what}: n:m is ${n}:${m}; expected whole numbers 1 ≤ n < m ≤ 256`);
    }
    if (!Number.isInteger(rows) || rows < 1) {
      throw new ModelError(`${what}: rows is ${rows}; expected a whole number ≥ 1`);
    }
    const groups = Math.ceil(inputs / m);
    const size = sizeOf([outputs, taps, groups, n], what);
    const places = Math.ceil(outputs / rows) * taps * groups * n;
    checkLength("indices", t.indices.length, places, what);
    checkLength("values", t.values.length, size, what);
    for (let i = 0; i < places; i++) {
      const groupSize = Math.min(m, inputs - (Math.floor(i / n) % groups) * m);
      const least = i % n === 0 ? 0 : t.indices[i - 1];
      if (t.indices[i] < least || t.indices[i] >= groupSize) {
        throw new ModelError(
          `${what}: indices[${i}] is ${t.indices[i]}; expected ${least} to ${groupSize - 1} (ascending in a group)`,
        );
      }
    }
    for (let i = 0; i < size; i++) {
      const at = indexAt(t, i, taps * groups);
      if (i % n > 0 && t.indices[at] === t.indices[at - 1] && t.values[i] !== 0) {
        throw new ModelError(
          `${what}: values[${i}] is an unused place (it repeats the index ${t.indices[at]}); expected 0`,
        );
      }
    }
  },
};

export const encodeGroups: SparseEncoder<NMSparse> = (weight, mask) => {
  if (mask.pattern.kind !== "n:m") {
    throw new ModelError(`format n:m: the mask has the pattern ${mask.pattern.kind}; expected n:m`);
  }
  const { n, m, rows = 1 } = mask.pattern;
  const [outputs, inputs, taps] = checkMask(weight, mask);
  const groups = Math.ceil(inputs / m);
  const values = new Float32Array(sizeOf([outputs, taps, groups, n], "format n:m: values"));
  const indices = new Uint8Array(Math.ceil(outputs / rows) * taps * groups * n);
  for (let first = 0; first < indices.length; first += n) {
    const [rowGroup, tap, group] = placeOf(first / n, taps, groups);
    const [firstOut, endOut] = [rowGroup * rows, Math.min(outputs, rowGroup * rows + rows)];
    let kept = 0;
    for (let input = group * m; input < Math.min(inputs, group * m + m); input++) {
      const at = (output: number) => (output * inputs + input) * taps + tap;
      const isKept = mask.keep[at(firstOut)];
      for (let output = firstOut + 1; output < endOut; output++) {
        if (!mask.keep[at(output)] === !isKept) continue;
        throw new ModelError(
          `mask: outputs ${firstOut} to ${endOut - 1} share their places, but input ${input} of tap ${tap} is not kept the same in all`,
        );
      }
      if (!isKept) continue;
      if (kept === n) {
        throw new ModelError(
          `mask: output ${firstOut}, tap ${tap} keeps more than ${n} of the ${m} inputs from ${group * m}`,
        );
      }
      indices[first + kept] = input - group * m;
      for (let output = firstOut; output < endOut; output++) {
        values[((output * taps + tap) * groups + group) * n + kept] = weight.data[at(output)];
      }
      kept++;
    }
    if (kept > 0) indices.fill(indices[first + kept - 1], first + kept, first + n);
  }
  const shared = rows > 1 ? { rows } : {};
  return { format: "n:m", shape: weight.shape, n, m, ...shared, indices, values };
};

/** [row, tap, group] of the `i`th group: groups run inside taps, taps inside rows. */
function placeOf(i: number, taps: number, groups: number): [row: number, tap: number, group: number] {
  const line = Math.floor(i / groups);
  return [Math.floor(line / taps), line % taps, i % groups];
}

/** Where the index of value `i` lies; an output has `groupsEach` groups. */
function indexAt({ n, rows = 1 }: NMSparse, i: number, groupsEach: number): number {
  const perOutput = groupsEach * n;
  const output = Math.floor(i / perOutput);
  return Math.floor(output / rows) * perOutput + (i % perOutput);
}
