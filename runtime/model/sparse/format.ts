/**
 * The storage formats of a sparse weight, and what a format is.
 *
 * A weight [outputs, inputs, ...taps] is seen as a matrix [rows, cols] for each tap: row = output,
 * column = input. Storage runs tap by tap inside an output row: matrix column = tap * inputs + input,
 * so that blocks and groups lie along the input channels of one tap.
 */
import type { Mask } from "../pattern.ts";
import type { Shape, Tensor } from "../tensor.ts";

/** Block compressed sparse rows (BSR). Edge blocks are stored whole, padded with zeros. */
export interface BlockSparse {
  readonly format: "block";
  readonly shape: Shape; // of the weight
  readonly blockShape: readonly [rows: number, cols: number];
  readonly rowPtr: Int32Array; // [ceil(outputs / rows) + 1]: first block of each block row
  readonly colIdx: Int32Array; // [blocks]: tap * ceil(inputs / cols) + block column, ascending in a block row
  readonly values: Float32Array; // [blocks * rows * cols]: each block row-major
}

/** N of every M consecutive inputs of one tap, the same for `rows` outputs. The last group may be short of M. */
export interface NMSparse {
  readonly format: "n:m";
  readonly shape: Shape;
  readonly n: number;
  readonly m: number;
  readonly rows?: number; // outputs that share their indices; 1 where it is left out
  readonly indices: Uint8Array; // [ceil(outputs / rows) * taps * ceil(inputs / m) * n]: place in the group, ascending; unused places repeat the last with value 0
  readonly values: Float32Array; // [outputs * taps * ceil(inputs / m) * n]
}

/** Compressed sparse rows (CSR): any zeros. */
export interface UnstructuredSparse {
  readonly format: "unstructured";
  readonly shape: Shape;
  readonly rowPtr: Int32Array; // [outputs + 1]
  readonly colIdx: Int32Array; // [nonzeros]: tap * inputs + input, ascending in a row
  readonly values: Float32Array; // [nonzeros]
}

export type SparseTensor = BlockSparse | NMSparse | UnstructuredSparse;

/** Stores the kept elements of a weight of rank ≥ 2. Throws a ModelError where the mask does not fit the format. */
export type SparseEncoder<T extends SparseTensor> = (weight: Tensor<"float32">, mask: Mask) => T;

/** How a format is read. Apart from its encoder: what only reads models is smaller without. */
export interface SparseFormat<T extends SparseTensor> {
  /** The dense weight, zeros where nothing is stored. Trusts `t`: check it first when it comes from outside. */
  decode(t: T): Tensor<"float32">;
  /** Throws a ModelError (starting with `what`) on lengths or indices that do not fit the shape. */
  check(t: T, what: string): void;
}

/** [outputs, inputs, taps] of a weight [outputs, inputs, ...taps]. */
export function matrixOf(shape: Shape): [outputs: number, inputs: number, taps: number] {
  return [shape[0], shape[1], shape.slice(2).reduce((a, b) => a * b, 1)];
}
