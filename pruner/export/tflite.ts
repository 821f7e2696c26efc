/**
 * Writes a Graph as a TFLite file, for comparisons with engines that read nothing else.
 *
 * TFLite keeps images as NHWC, a Graph as NCHW. An image (a value of four dimensions that a convolution or pooling
 * makes) lies in NHWC from its maker to its last reader; where an operator needs the order of the Graph, a TRANSPOSE
 * stands before it. Inputs and outputs of four dimensions are NHWC in the file, all others as in the Graph.
 */
import { ModelError, nodeName } from "../../runtime/model/errors.ts";
import type { Graph } from "../../runtime/model/graph.ts";
import { type ExecutionPlan, type PlanOptions, plan } from "../../runtime/plan.ts";
import { createEmitter } from "./tflite/emitter.ts";
import { fuse } from "./tflite/fuse.ts";
import { nodeWriters } from "./tflite/index.ts";
import { spreadChannels } from "./tflite/spread.ts";

export interface TfliteOptions extends Pick<PlanOptions, "shapes"> {
  /**
   * Weights of 1x1 convolutions that are zero for more than two thirds are stored as sparse tensors, each with a
   * DENSIFY, and paddings are operators of their own: what XNNPACK asks for before it computes with sparse weights.
   * Channels are reordered and an eighth of a weight's zeros may become 1e-30, so that outputs have zeros of their
   * own (tflite/spread.ts, tflite/unshare.ts): MobileNetV2 in blocks of 16x8 takes 11 ms
   * instead of 65, and 21 dense.
   */
  readonly sparse?: boolean;
}

/** Throws a ModelError that names the node where TFLite has no operator for it. */
export function exportTflite(graph: Graph, options: TfliteOptions = {}): Uint8Array {
  const planned = planOf(graph, options);
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

function planOf(graph: Graph, options: TfliteOptions): ExecutionPlan {
  const planned = plan(graph, options);
  return options.sparse ? plan(spreadChannels(planned)) : planned;
}
