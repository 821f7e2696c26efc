/** The table of operators that have kernels here, and why a node has none. */
import type { Node } from "../../model/graph.ts";
import { sizeOf } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { conv } from "./conv.ts";
import { elements } from "./elements.ts";
import { whyNotElementwise } from "./elementwise.ts";
import type { Family } from "./family.ts";
import { gemm, matmul } from "./gemm.ts";
import { concat, expand, gather, pad, slice, split, tile, transpose } from "./pick.ts";
import {
  globalAverage,
  globalMax,
  layerNorm,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
  softmax,
} from "./reduce.ts";
import { resize } from "./resize.ts";
import { averagePool, maxPool } from "./window.ts";

const families: Readonly<Record<string, Family>> = {
  AveragePool: averagePool,
  Concat: concat,
  Conv: conv,
  Expand: expand,
  Gather: gather,
  Gemm: gemm,
  GlobalAveragePool: globalAverage,
  GlobalMaxPool: globalMax,
  LayerNormalization: layerNorm,
  MatMul: matmul,
  MaxPool: maxPool,
  Pad: pad,
  ReduceMax: reduceMax,
  ReduceMean: reduceMean,
  ReduceMin: reduceMin,
  ReduceProd: reduceProd,
  ReduceSum: reduceSum,
  Resize: resize,
  Slice: slice,
  Softmax: softmax,
  Split: split,
  Tile: tile,
  Transpose: transpose,
};

const views: ReadonlySet<string> = new Set(["Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"]);

/** Is its result the same bytes under another shape? */
export function isView({ op }: Node): boolean {
  return views.has(op);
}

export function familyOf(node: Node): Family {
  return Object.hasOwn(families, node.op) ? families[node.op] : elements;
}

/** Why a node has no kernel; undefined where it has one. */
export function whyHosted(node: Node, plan: ExecutionPlan): string | undefined {
  if (isView(node)) return undefined;
  if (!Object.hasOwn(families, node.op)) return whyNotElementwise(node, plan);
  const { dtypes = ["float32"], splits = false, unsupported } = families[node.op];
  const outputs = node.outputs.filter((name) => name !== "");
  if (outputs.length > 1 && !splits) return "it has more than one output";
  for (const name of [node.inputs[0], ...outputs]) {
    const { dtype, shape } = plan.values.get(name)!;
    if (!dtypes.includes(dtype)) return `'${name}' is ${dtype}`;
    if (sizeOf(shape) === 0 && !splits) return `'${name}' [${shape}] is empty`;
  }
  return unsupported?.(node, plan);
}
