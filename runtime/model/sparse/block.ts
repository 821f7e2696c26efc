/** Block compressed sparse rows: whole blocks of rows × cols elements of one tap are kept or absent. */
import { ModelError } from "../errors.ts";
import type { Mask } from "../pattern.ts";
import { type Shape, sizeOf, type Tensor, zeros } from "../tensor.ts";
import { checkLength, checkMask, checkRows, checkShape } from "./check.ts";
import { type BlockSparse, matrixOf, type SparseEncoder, type SparseFormat } from "./format.ts";

type BlockShape = BlockSparse["blockShape"];

export const block: SparseFormat<BlockSparse> = {
  decode(t) {
    const { shape, blockShape, values } = t;
    const weight = zeros(shape);
    const { gridCols } = gridOf(shape, blockShape);
    const blockSize = blockShape[0] * blockShape[1];
    for (let blockRow = 0; blockRow + 1 < t.rowPtr.length; blockRow++) {
      for (let b = t.rowPtr[blockRow]; b < t.rowPtr[blockRow + 1]; b++) {
        const tap = Math.floor(t.colIdx[b] / gridCols);
        forBlock(shape, blockShape, blockRow, t.colIdx[b] % gridCols, tap, (at, place) => {
          weight.data[at] = values[b * blockSize + place];
        });
      }
    }
    return weight;
  },

  check(t, what) {
    const [, , taps] = checkShape(t.shape, what);
    if (t.blockShape.length !== 2 || t.blockShape.some((size) => !Number.isInteger(size) || size < 1)) {
      throw new ModelError(`${what}: blockShape is [${t.blockShape}]; expected [rows, cols], each ≥ 1`);
    }
    const blockSize = sizeOf(t.blockShape, `${what}: blockShape`);
    const { gridRows, gridCols } = gridOf(t.shape, t.blockShape);
    checkRows(t.rowPtr, t.colIdx, gridRows, taps * gridCols, what);
    checkLength("values", t.values.length, t.colIdx.length * blockSize, what);
    checkPadding(t, what);
  },
};

export const encodeBlock: SparseEncoder<BlockSparse> = (weight, mask) => {
  if (mask.pattern.kind !== "block") {
    throw new ModelError(`format block: the mask has the pattern ${mask.pattern.kind}; expected block`);
  }
  return encodeBlocks(weight, mask, [mask.pattern.rows, mask.pattern.cols]);
};

/** As `encodeBlock`, for any mask that is uniform in each block, whatever its pattern is called. */
export function encodeBlocks(
  weight: Tensor<"float32">,
  mask: Mask,
  blockShape: BlockShape,
): BlockSparse {
  const [, , taps] = checkMask(weight, mask);
  const { shape } = weight;
  const { gridRows, gridCols } = gridOf(shape, blockShape);
  const blockSize = blockShape[0] * blockShape[1];
  const rowPtr = new Int32Array(gridRows + 1);
  const kept: number[] = [];
  for (let blockRow = 0; blockRow < gridRows; blockRow++) {
    for (let column = 0; column < taps * gridCols; column++) {
      const [blockCol, tap] = [column % gridCols, Math.floor(column / gridCols)];
      if (isKept(mask, blockShape, blockRow, blockCol, tap)) kept.push(column);
    }
    rowPtr[blockRow + 1] = kept.length;
  }
  const colIdx = Int32Array.from(kept);
  const values = new Float32Array(sizeOf([kept.length, blockSize], "format block: values"));
  for (let blockRow = 0; blockRow < gridRows; blockRow++) {
    for (let b = rowPtr[blockRow]; b < rowPtr[blockRow + 1]; b++) {
      const tap = Math.floor(colIdx[b] / gridCols);
      forBlock(shape, blockShape, blockRow, colIdx[b] % gridCols, tap, (at, place) => {
        values[b * blockSize + place] = weight.data[at];
      });
    }
  }
  return { format: "block", shape, blockShape, rowPtr, colIdx, values };
}

/** Whether the mask keeps this block. Throws a ModelError where it keeps only a part. */
function isKept(
  mask: Mask,
  blockShape: BlockShape,
  blockRow: number,
  blockCol: number,
  tap: number,
): boolean {
  let [kept, size] = [0, 0];
  forBlock(mask.shape, blockShape, blockRow, blockCol, tap, (at) => {
    if (mask.keep[at]) kept++;
    size++;
  });
  if (kept !== 0 && kept !== size) {
    throw new ModelError(
      `mask: block (${blockRow}, ${blockCol}) of tap ${tap} keeps ${kept} of ${size} elements; ` +
        `blocks of ${blockShape[0]}x${blockShape[1]} are kept or removed whole`,
    );
  }
  return kept > 0;
}

/** Blocks down and across one tap. */
function gridOf(shape: Shape, [rows, cols]: BlockShape): { gridRows: number; gridCols: number } {
  const [outputs, inputs] = matrixOf(shape);
  return { gridRows: Math.ceil(outputs / rows), gridCols: Math.ceil(inputs / cols) };
}

/** Calls `visit` for every element of a block that lies inside the weight: its index there, and its place in the block. */
function forBlock(
  shape: Shape,
  [rows, cols]: BlockShape,
  blockRow: number,
  blockCol: number,
  tap: number,
  visit: (at: number, place: number) => void,
): void {
  const [outputs, inputs, taps] = matrixOf(shape);
  const endRow = Math.min(rows, outputs - blockRow * rows);
  const endCol = Math.min(cols, inputs - blockCol * cols);
  for (let r = 0; r < endRow; r++) {
    for (let c = 0; c < endCol; c++) {
      visit(((blockRow * rows + r) * inputs + blockCol * cols + c) * taps + tap, r * cols + c);
    }
  }
}

/** Kernels multiply whole blocks: a value in the padding would add to the result what is no weight. */
function checkPadding(t: BlockSparse, what: string): void {
  const [outputs, inputs] = matrixOf(t.shape);
  const [rows, cols] = t.blockShape;
  const { gridRows, gridCols } = gridOf(t.shape, t.blockShape);
  for (let blockRow = 0; blockRow < gridRows; blockRow++) {
    const endRow = Math.min(rows, outputs - blockRow * rows);
    for (let b = t.rowPtr[blockRow]; b < t.rowPtr[blockRow + 1]; b++) {
      const endCol = Math.min(cols, inputs - (t.colIdx[b] % gridCols) * cols);
      if (endRow === rows && endCol === cols) continue;
      for (let place = 0; place < rows * cols; place++) {
        const isInside = Math.floor(place / cols) < endRow && place % cols < endCol;
        if (!isInside && t.values[b * rows * cols + place] !== 0) {
          throw new ModelError(
            `${what}: values[${b * rows * cols + place}] is padding of block ${b}; expected 0`,
          );
        }
      }
    }
  }
}
