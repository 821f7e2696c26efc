/** N:M: of every M consecutive inputs of one output and tap, at most N are kept; each knows its place in the group. */
import { ModelError } from "../errors.ts";
import { sizeOf, zeros } from "../tensor.ts";
import { checkLength, checkMask, checkShape } from "./check.ts";
import { matrixOf, type NMSparse, type SparseFormat } from "./format.ts";

export const nm: SparseFormat<NMSparse> = {
  encode(weight, mask) {
    if (mask.pattern.kind !== "n:m") {
      throw new ModelError(`format n:m: the mask has the pattern ${mask.pattern.kind}; expected n:m`);
    }
    const { n, m } = mask.pattern;
    const [outputs, inputs, taps] = checkMask(weight, mask);
    const groups = Math.ceil(inputs / m);
    const indices = new Uint8Array(sizeOf([outputs, taps, groups, n], "format n:m: values"));
    const values = new Float32Array(indices.length);
    for (let row = 0, first = 0; row < outputs * taps; row++) {
      const [output, tap] = [Math.floor(row / taps), row % taps];
      for (let group = 0; group < groups; group++, first += n) {
        let kept = 0;
        for (let input = group * m; input < Math.min(inputs, group * m + m); input++) {
          const at = (output * inputs + input) * taps + tap;
          if (!mask.keep[at]) continue;
          if (kept === n) {
            throw new ModelError(
              `mask: output ${output}, tap ${tap} keeps more than ${n} of the ${m} inputs from ${group * m}`,
            );
          }
          indices[first + kept] = input - group * m;
          values[first + kept++] = weight.data[at];
        }
        if (kept > 0) indices.fill(indices[first + kept - 1], first + kept, first + n);
      }
    }
    return { format: "n:m", shape: weight.shape, n, m, indices, values };
  },

  decode(t) {
    const weight = zeros(t.shape);
    const [, inputs, taps] = matrixOf(t.shape);
    const groups = Math.ceil(inputs / t.m);
    for (let i = 0; i < t.values.length; i++) {
      if (i % t.n > 0 && t.indices[i] === t.indices[i - 1]) continue; // an unused place
      const group = Math.floor(i / t.n);
      const row = Math.floor(group / groups);
      const input = (group % groups) * t.m + t.indices[i];
      weight.data[(Math.floor(row / taps) * inputs + input) * taps + (row % taps)] = t.values[i];
    }
    return weight;
  },

  check(t, what) {
    const [outputs, inputs, taps] = checkShape(t.shape, what);
    const { n, m } = t;
    if (!Number.isInteger(n) || !Number.isInteger(m) || n < 1 || n >= m || m > 256) {
      throw new ModelError(`${what}: n:m is ${n}:${m}; expected whole numbers 1 ≤ n < m ≤ 256`);
    }
    const groups = Math.ceil(inputs / m);
    const size = sizeOf([outputs, taps, groups, n], what);
    checkLength("indices", t.indices.length, size, what);
    checkLength("values", t.values.length, size, what);
    for (let i = 0; i < size; i++) {
      const groupSize = Math.min(m, inputs - (Math.floor(i / n) % groups) * m);
      const isFirst = i % n === 0;
      const least = isFirst ? 0 : t.indices[i - 1];
      if (t.indices[i] < least || t.indices[i] >= groupSize) {
        throw new ModelError(
          `${what}: indices[${i}] is ${t.indices[i]}; expected ${least} to ${groupSize - 1} (ascending in a group)`,
        );
      }
      if (!isFirst && t.indices[i] === least && t.values[i] !== 0) {
        throw new ModelError(
          `${what}: values[${i}] is an unused place (it repeats the index ${least}); expected 0`,
        );
      }
    }
  },
};
