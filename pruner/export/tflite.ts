/**
 * Writes a Graph as a TFLite file, for comparisons with engines that read nothing else.
 *
 * TFLite keeps images as NHWC, a Graph as NCHW. An image (a value of four dimensions that a convolution or pooling
 * makes) lies in NHWC from its maker to its last reader; where an operator needs the order of the Graph, a TRANSPOSE
 * stands before it. Inputs and outputs of four dimensions are NHWC in the file, all others as in the Graph.
 */
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { type PlanOptions, plan } from "../../runtime/plan.ts";
import { createEmitter } from "./tflite/emitter.ts";
import { fuse } from "./tflite/fuse.ts";
import { nodeWriters } from "./tflite/index.ts";

export interface TfliteOptions extends Pick<PlanOptions, "shapes"> {
  /**
   * Weights of 1x1 convolutions that are zero for more than two thirds are stored as sparse tensors, each with a
   * DENSIFY, and paddings are operators of their own: what XNNPACK asks for before it computes with sparse weights.
   * It is at its best where outputs have zeros of their own: those that two or more outputs share bring its
   * WebAssembly build to kernels without SIMD, which are slower than the dense ones (MobileNetV2 at 70 %: 11 ms and
   * 34 ms, dense 22 ms).
   */
  readonly sparse?: boolean;
}

/** Throws a ModelError that names the node where TFLite has no operator for it. */
export function exportTflite(graph: Graph, options: TfliteOptions = {}): Uint8Array {
  const planned = plan(graph, options);
  const fusions = fuse(planned.graph);
  const emitter = createEmitter(planned, fusions, options.sparse ?? false);
  for (const node of planned.graph.nodes) {
    if (fusions.taken.has(node.name)) continue;
    const write = Object.hasOwn(nodeWriters, node.op) ? nodeWriters[node.op] : undefined;
    if (!write) {
      const known = Object.keys(nodeWriters).join(", ");
      throw new ModelError(`${nodeName(node)}: cannot be written as TFLite; supported: ${known}`);
    }
    write(node, emitter);
  }
  return emitter.finish();
}
