/**
 * Which nodes run as one step: an Add of two values of one shape goes into the convolution or product that
 * makes one of them, a Relu or Clip into what it follows. A step runs in the place of its last node, so that
 * the other value of an Add is there.
 */
import { nodeName } from "../../model/errors.ts";
import type { Graph, Node } from "../../model/graph.ts";
import { sameShape } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { bindingOf } from "./bindings.ts";
import { isDepthwise } from "./depthwise.ts";
import { clampOf } from "./elementwise.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Step } from "./step.ts";

export function fuse(plan: ExecutionPlan): Step[] {
  const { graph } = plan;
  const position = new Map(graph.nodes.map((node, i) => [node, i]));
  const readers = readersOf(graph);
  const taken = new Set<Node>();
  const steps: { at: number; step: Step }[] = [];

  graph.nodes.forEach((node) => {
    if (taken.has(node)) return;
    const { fuses } = bindingOf(node.op)!;
    let last = node;
    let label = nodeName(node);
    let residual: string | undefined;
    let [lo, hi] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const follow = (next: Node) => {
      taken.add(next);
      label += ` + ${next.op}`;
      last = next;
    };
    /** The only reader of what the step makes so far, if no other step has taken it in. */
    const next = () => {
      const [reader, ...others] = readers.get(last.outputs[0]) ?? [];
      return others.length || reader === "graph" || !reader || taken.has(reader) ? undefined : reader;
    };

    const add = next();
    if (fuses?.residual && add?.op === "Add" && !(node.op === "Conv" && isDepthwise(node, plan))) {
      const other = add.inputs.find((name) => name !== last.outputs[0]);
      const isActivation = other !== undefined && !graph.constants.has(other);
      if (isActivation && sameShape(shapeOf(plan, other), shapeOf(plan, last.outputs[0]))) {
        residual = other;
        follow(add);
      }
    }
    const clamp = next();
    const range = fuses?.clamp && clamp && clampOf(clamp, plan);
    if (range) {
      [lo, hi] = range;
      follow(clamp);
    }
    const inputs = node.inputs.filter((name) => name !== "");
    const step = { node, label, inputs, output: last.outputs[0], residual, lo, hi };
    steps.push({ at: position.get(last)!, step });
  });
  return steps.sort((a, b) => a.at - b.at).map(({ step }) => step);
}

/** Who reads each value: nodes, once for every time they do, and the graph for its outputs. */
function readersOf(graph: Graph): Map<string, (Node | "graph")[]> {
  const readers = new Map<string, (Node | "graph")[]>();
  const add = (name: string, reader: Node | "graph") => {
    const list = readers.get(name);
    if (list) list.push(reader);
    else readers.set(name, [reader]);
  };
  for (const node of graph.nodes) for (const name of node.inputs) add(name, node);
  for (const { name } of graph.outputs) add(name, "graph");
  return readers;
}
