/**
 * Which nodes run as one step: an Add of two values of one shape and an activation, in either order, go into the
 * convolution or product that makes one of the values; a Relu or Clip into what it follows. A step runs in the
 * place of its last node, so that the other value of an Add is there.
 */
import { nodeName } from "../../model/errors.ts";
import type { Node } from "../../model/graph.ts";
import { sameShape } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { readersOf } from "../readers.ts";
import { activationOf, isTame } from "./activation.ts";
import { bindingOf } from "./bindings.ts";
import { isDepthwise } from "./depthwise.ts";
import { clampOf } from "./elementwise.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Fuses, Step } from "./step.ts";

export function fuse(plan: ExecutionPlan): Step[] {
  const { graph } = plan;
  const position = new Map(graph.nodes.map((node, i) => [node, i]));
  const readers = readersOf(graph);
  const taken = new Set<Node>();
  const steps: { at: number; step: Step }[] = [];

  graph.nodes.forEach((node) => {
    if (taken.has(node)) return;
    const fuses = fusesOf(node, plan);
    let last = node;
    let label = nodeName(node);
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
    const takeAdd = (): string | undefined => {
      const add = next();
      if (!fuses.residual || add?.op !== "Add") return undefined;
      const other = add.inputs.find((name) => name !== last.outputs[0]);
      if (other === undefined || graph.constants.has(other)) return undefined;
      if (!sameShape(shapeOf(plan, other), shapeOf(plan, last.outputs[0]))) return undefined;
      follow(add);
      return other;
    };
    const takeActivation = () => {
      const reader = next();
      const activation = fuses.activation && reader && activationOf(reader, plan);
      if (!activation || !isTame(activation)) return undefined;
      follow(reader);
      return activation;
    };

    let residual = takeAdd();
    const activation = takeActivation();
    const addsLast = activation !== undefined && residual === undefined;
    if (addsLast) residual = takeAdd();
    const reader = next();
    const range = fuses.clamp && reader && clampOf(reader, plan);
    if (range) follow(reader);
    const [lo, hi] = range || [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const inputs = node.inputs.filter((name) => name !== "");
    const output = last.outputs[0];
    const step = { node, label, inputs, output, residual, activation, addsLast, lo, hi };
    steps.push({ at: position.get(last)!, step });
  });
  return steps.sort((a, b) => a.at - b.at).map(({ step }) => step);
}

function fusesOf(node: Node, plan: ExecutionPlan): Fuses {
  if (node.op === "Conv" && isDepthwise(node, plan)) return depthwiseFuses;
  const { fuses = {} } = bindingOf(node.op)!;
  return typeof fuses === "function" ? fuses(node, plan) : fuses;
}

const depthwiseFuses: Fuses = { activation: true, clamp: true };
