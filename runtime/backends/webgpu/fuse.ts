/**
 * Which nodes run as one kernel: behind any kernel, the operators that compute each element of its result on its
 * own, as long as nobody else reads what lies between. A step runs in the place of its last node, so that the other
 * values that its tail reads are there.
 */
import { nodeName } from "../../model/errors.ts";
import type { Node } from "../../model/graph.ts";
import { sameShape } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { readersOf } from "../readers.ts";
import { shapeOf } from "../wasm/plan-facts.ts";
import { elementwiseReads, whyNotElementwise } from "./elementwise.ts";

export interface Step {
  readonly node: Node;
  readonly tail: readonly Node[]; // each reads the result of the one before
  readonly label: string;
  readonly made: string; // the result of `node`, which is not stored where there is a tail
  readonly outputs: readonly string[]; // what is stored: of `node`, or of the last of the tail
  readonly hosted?: string; // why there is no kernel
}

export interface FuseOptions {
  /** Why a node has no kernel. */
  hosted(node: Node): string | undefined;
  /** Is its result the same bytes as its input? */
  isView(node: Node): boolean;
}

/** Kernels bind up to 8 buffers on every device: the largest has 5 of its own. */
const maxOperands = 3;

export function fuse(plan: ExecutionPlan, { hosted, isView }: FuseOptions): Step[] {
  const { graph } = plan;
  const position = new Map(graph.nodes.map((node, i) => [node, i]));
  const readers = readersOf(graph);
  const taken = new Set<Node>();
  const steps: { at: number; step: Step }[] = [];
  for (const node of graph.nodes) {
    if (taken.has(node) || isView(node)) continue;
    const why = hosted(node);
    const outputs = node.outputs.filter((name) => name !== "");
    const made = outputs[0];
    const tail: Node[] = [];
    let last = made;
    let operands = whyNotElementwise(node, plan) ? 0 : elementwiseReads(node).length - 1;
    for (
      let next = why === undefined && outputs.length === 1 ? follower() : undefined;
      next;
      next = follower()
    ) {
      tail.push(next);
      taken.add(next);
      last = next.outputs[0];
    }
    const label = [nodeName(node), ...tail.map(({ op }) => op)].join(" + ");
    const step: Step = { node, tail, label, made, outputs: tail.length ? [last] : outputs, hosted: why };
    steps.push({ at: position.get(tail.at(-1) ?? node)!, step });

    /** The only reader of what the step makes so far, if it can compute on from there. */
    function follower(): Node | undefined {
      const [reader, ...others] = readers.get(last) ?? [];
      if (!reader || reader === "graph" || others.length || taken.has(reader) || isView(reader))
        return undefined;
      if (hosted(reader) !== undefined || whyNotElementwise(reader, plan)) return undefined;
      if (!sameShape(shapeOf(plan, reader.outputs[0]), shapeOf(plan, last))) return undefined;
      const added = elementwiseReads(reader).length - 1 + (reader.op === "BatchNormalization" ? 2 : 0);
      if (operands + added > maxOperands) return undefined;
      operands += added;
      return reader;
    }
  }
  return steps.sort((a, b) => a.at - b.at).map(({ step }) => step);
}
