/** The graph of a network, in ONNX's words. Plain data: structured clone carries it. */
import type { SparseTensor } from "./sparse/format.ts";
import type { DType, Shape, Tensor } from "./tensor.ts";

export type Attr = number | string | readonly number[] | readonly string[] | Tensor;

export interface Node {
  readonly name: string; // unique in the graph
  readonly op: string; // ONNX operator: "Conv", "Gemm", …
  readonly inputs: readonly string[]; // names of values; "" where an optional input is left out
  readonly outputs: readonly string[]; // names of values
  readonly attrs: Readonly<Record<string, Attr>>; // only those that were given; defaults are the operator's
}

/** What is known of a graph's input or output. A string is a size that is given at load ("batch"). */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly (number | string)[];
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[]; // in running order: a node comes after what it reads
  readonly inputs: readonly ValueInfo[]; // without the constants
  readonly outputs: readonly ValueInfo[];
  readonly constants: ReadonlyMap<string, Tensor | SparseTensor>; // by the name of the value
}

/** The shape of a value once all sizes are known. */
export interface StaticValue {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Constant tensors are told from sparse ones by their `format`. */
export function isSparse(constant: Tensor | SparseTensor): constant is SparseTensor {
  return "format" in constant;
}
