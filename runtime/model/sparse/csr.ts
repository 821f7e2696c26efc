/** Compressed sparse rows: any set of elements, each with its column. */
import { zeros } from "../tensor.ts";
import { checkLength, checkMask, checkRows, checkShape } from "./check.ts";
import { matrixOf, type SparseEncoder, type SparseFormat, type UnstructuredSparse } from "./format.ts";

export const csr: SparseFormat<UnstructuredSparse> = {
  decode(t) {
    const weight = zeros(t.shape);
    const [outputs, inputs, taps] = matrixOf(t.shape);
    for (let output = 0; output < outputs; output++) {
      for (let i = t.rowPtr[output]; i < t.rowPtr[output + 1]; i++) {
        weight.data[indexOf(output, t.colIdx[i], inputs, taps)] = t.values[i];
      }
    }
    return weight;
  },

  check(t, what) {
    const [outputs, inputs, taps] = checkShape(t.shape, what);
    checkRows(t.rowPtr, t.colIdx, outputs, taps * inputs, what);
    checkLength("values", t.values.length, t.colIdx.length, what);
  },
};

export const encodeRows: SparseEncoder<UnstructuredSparse> = (weight, mask) => {
  const [outputs, inputs, taps] = checkMask(weight, mask);
  const kept = mask.keep.reduce((count, keep) => count + (keep ? 1 : 0), 0);
  const rowPtr = new Int32Array(outputs + 1);
  const colIdx = new Int32Array(kept);
  const values = new Float32Array(kept);
  for (let output = 0, i = 0; output < outputs; output++) {
    for (let column = 0; column < taps * inputs; column++) {
      const at = indexOf(output, column, inputs, taps);
      if (!mask.keep[at]) continue;
      colIdx[i] = column;
      values[i++] = weight.data[at];
    }
    rowPtr[output + 1] = i;
  }
  return { format: "unstructured", shape: weight.shape, rowPtr, colIdx, values };
};

/** Where [output, column = tap * inputs + input] lies in the row-major weight [outputs, inputs, ...taps]. */
function indexOf(output: number, column: number, inputs: number, taps: number): number {
  return (output * inputs + (column % inputs)) * taps + Math.floor(column / inputs);
}
