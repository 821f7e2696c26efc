/** Moves a Pad by zeros in the spatial dimensions into the pads of the Conv or AveragePool that reads it. */
import type { Graph, Node } from "../../runtime/model/graph.ts";
import { padAmounts } from "../../runtime/ops/pad.ts";
import { inferInputs, type PlanOptions, plan } from "../../runtime/plan.ts";

export function foldPads(graph: Graph, options: PlanOptions): Graph {
  const planned = plan(graph, options);
  const pads = new Map<string, { source: string; begin: readonly number[]; end: readonly number[] }>();
  for (const node of graph.nodes) {
    if (node.op !== "Pad") continue;
    const { begin, end, value } = padAmounts(node, inferInputs(node, planned.graph, planned.values));
    const isSpatial = [begin, end].every((list) => list[0] === 0 && list[1] === 0);
    if (value !== 0 || !isSpatial || [...begin, ...end].some((pad) => pad < 0)) continue;
    pads.set(node.outputs[0], { source: node.inputs[0], begin: begin.slice(2), end: end.slice(2) });
  }
  const nodes = graph.nodes.map((node) => {
    const pad = pads.get(node.inputs[0]);
    if (!pad || !takesPads(node)) return node;
    const added = [...pad.begin, ...pad.end];
    const own = (node.attrs.pads as readonly number[] | undefined) ?? added.map(() => 0);
    const sum = added.map((value, i) => value + own[i]);
    if (node.op === "AveragePool" && !isAverageOfZeros(node, own, sum)) return node;
    const { auto_pad: _, ...attrs } = node.attrs;
    return {
      ...node,
      inputs: [pad.source, ...node.inputs.slice(1)],
      attrs: { ...attrs, pads: sum, ...(node.op === "AveragePool" && { count_include_pad: 1 }) },
    };
  });
  return { ...graph, nodes };
}

function takesPads(node: Node): boolean {
  const autoPad = node.attrs.auto_pad ?? "NOTSET";
  return (
    (node.op === "Conv" || node.op === "AveragePool") && (autoPad === "NOTSET" || autoPad === "VALID")
  );
}

/** The zeros of the Pad count in the mean: so must those of the pool's own padding. Pads are less than the kernel. */
function isAverageOfZeros(node: Node, own: readonly number[], sum: readonly number[]): boolean {
  const kernel = node.attrs.kernel_shape as readonly number[];
  const counts = node.attrs.count_include_pad === 1 || own.every((pad) => pad === 0);
  return counts && !node.attrs.ceil_mode && sum.every((pad, i) => pad < kernel[i % kernel.length]);
}
