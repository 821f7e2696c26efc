/** How much arithmetic a node is. */
import type { Node, StaticValue } from "../model/graph.ts";
import { sizeOf } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { Gemm } from "./gemm.ts";

/** Floating-point operations of a dense Conv, Gemm or MatMul (a multiplication and an addition count two); 0 for others. */
export function flopsOf(node: Node, values: ReadonlyMap<string, StaticValue>): number {
  const shape = (name: string) => values.get(name)?.shape ?? [];
  const outputs = sizeOf(shape(node.outputs[0]));
  switch (node.op) {
    case "Conv": {
      const [, ...taps] = shape(node.inputs[1]); // inputs of a group, then the kernel
      return 2 * outputs * sizeOf(taps);
    }
    case "Gemm":
      return 2 * outputs * shape(node.inputs[0])[readAttrs(node, Gemm.attrs).transA ? 0 : 1];
    case "MatMul":
      return 2 * outputs * (shape(node.inputs[0]).at(-1) ?? 1);
  }
  return 0;
}
