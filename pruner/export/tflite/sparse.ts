/**
 * TFLite's form of a sparse weight: dimensions in order, all dense but the last, whose nonzeros are listed row by row.
 * segments[r] .. segments[r + 1] are the places of row r's nonzeros in indices and values.
 */
import type { Tensor } from "../../../runtime/model/tensor.ts";
import type { Draft } from "./flatbuffer.ts";

/** `weight` in the file's order [outC, kH, kW, inC]. */
export function encodeSparse({ shape, data }: Tensor<"float32">): {
  sparsity: Draft<"SparsityParameters">;
  values: Float32Array;
} {
  const cols = shape[shape.length - 1];
  const segments = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (let row = 0; row < data.length; row += cols) {
    for (let col = 0; col < cols; col++) {
      if (data[row + col] === 0) continue;
      indices.push(col);
      values.push(data[row + col]);
    }
    segments.push(indices.length);
  }
  const dense = shape.slice(0, -1).map((denseSize) => ({ format: 0, denseSize }));
  const compressed = {
    format: 1,
    arraySegments: indexVector(segments),
    arrayIndices: indexVector(indices),
  };
  return {
    sparsity: {
      traversalOrder: shape.map((_, axis) => axis),
      blockMap: [],
      dimMetadata: [...dense, compressed],
    },
    values: Float32Array.from(values),
  };
}

/** As narrow as the greatest number allows. */
function indexVector(numbers: readonly number[]) {
  const most = numbers.reduce((a, b) => Math.max(a, b), 0);
  if (most < 2 ** 8) return { kind: "Uint8Vector", values: Uint8Array.from(numbers) } as const;
  if (most < 2 ** 16) return { kind: "Uint16Vector", values: numbers } as const;
  return { kind: "Int32Vector", values: numbers } as const;
}
