/** What the checks of the sparse formats have in common. Each throws a ModelError starting with `what`. */
import { ModelError } from "../errors.ts";
import type { Mask } from "../pattern.ts";
import { type Shape, sameShape, sizeOf, type Tensor } from "../tensor.ts";
import { matrixOf } from "./format.ts";

/** [outputs, inputs, taps] of a shape that a sparse weight may have: rank ≥ 2, no overflow. */
export function checkShape(shape: Shape, what: string): [outputs: number, inputs: number, taps: number] {
  sizeOf(shape, what);
  if (shape.length < 2) {
    throw new ModelError(
      `${what}: a sparse weight has rank ≥ 2 [outputs, inputs, ...taps], not [${shape}]`,
    );
  }
  return matrixOf(shape);
}

/** The same of a weight and its mask, which must have one shape. */
export function checkMask(weight: Tensor<"float32">, mask: Mask): ReturnType<typeof checkShape> {
  if (!sameShape(weight.shape, mask.shape) || mask.keep.length !== weight.data.length) {
    throw new ModelError(
      `mask: shape [${mask.shape}] with ${mask.keep.length} elements does not fit the weight [${weight.shape}]`,
    );
  }
  return checkShape(weight.shape, "weight");
}

export function checkLength(part: string, found: number, expected: number, what: string): void {
  if (found !== expected) {
    throw new ModelError(`${what}: ${part} has ${found} elements; expected ${expected}`);
  }
}

/** Rows of compressed indices: `rowPtr` [rows + 1] starts at 0, never falls and ends at `colIdx.length`; every row ascends below `columns`. */
export function checkRows(
  rowPtr: Int32Array,
  colIdx: Int32Array,
  rows: number,
  columns: number,
  what: string,
): void {
  checkLength("rowPtr", rowPtr.length, rows + 1, what);
  if (rowPtr[0] !== 0 || rowPtr[rows] !== colIdx.length) {
    throw new ModelError(
      `${what}: rowPtr runs from ${rowPtr[0]} to ${rowPtr[rows]}; expected 0 to ${colIdx.length}, the length of colIdx`,
    );
  }
  for (let row = 0; row < rows; row++) {
    // The last entry is known, so an entry beyond it shows as a fall before any index is read past the end.
    if (rowPtr[row + 1] < rowPtr[row] || rowPtr[row + 1] > colIdx.length) {
      throw new ModelError(
        `${what}: rowPtr[${row + 1}] is ${rowPtr[row + 1]}; expected ${rowPtr[row]} to ${colIdx.length}`,
      );
    }
    let least = 0;
    for (let i = rowPtr[row]; i < rowPtr[row + 1]; i++) {
      if (colIdx[i] < least || colIdx[i] >= columns) {
        throw new ModelError(
          `${what}: colIdx[${i}] is ${colIdx[i]}; expected ${least} to ${columns - 1} (ascending in row ${row})`,
        );
      }
      least = colIdx[i] + 1;
    }
  }
}
