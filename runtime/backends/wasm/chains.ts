/**
 * Which steps run together in bands (bands.ts): a depthwise Conv with the Conv that makes its input and the 1x1 Conv
 * that reads its result, where nobody else reads what lies between them and it is too large for the L2 cache.
 */
import type { Node } from "../../model/graph.ts";
import { convGeometry } from "../../ops/conv.ts";
import type { WindowAxis } from "../../ops/window.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { mayUsePanels } from "./conv.ts";
import { isDepthwise } from "./depthwise.ts";
import { layoutOf } from "./layout.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Step } from "./step.ts";

/** A smaller value stays in the L2 cache without bands: MobileNetV2 takes as long with it in bands as without. */
const smallestBytes = 512 * 1024;

/** The steps, each chain of them as one, in the place of its last. */
export function formChains(steps: readonly Step[], plan: ExecutionPlan): Step[] {
  const makers = new Map(steps.map((step) => [step.output, step]));
  const readers = readersOf(steps, plan);
  /** The only reader of a value, where that is a step that reads it as its first input. */
  const readerOf = (name: string): Step | undefined => {
    const [reader, ...others] = readers.get(name) ?? [];
    return others.length === 0 && reader !== "graph" && reader?.inputs[0] === name ? reader : undefined;
  };
  const becomes = new Map<Step, Step | undefined>();
  for (const depthwise of steps) {
    const { node, inputs, output } = depthwise;
    if (node.op !== "Conv" || !isDepthwise(node, plan) || depthwise.residual !== undefined) continue;
    const maker = makers.get(inputs[0]);
    // Not the last of the chain before; and only the last step of a chain may add something.
    const isFree = maker && !becomes.has(maker) && maker.residual === undefined;
    const before = isFree && readerOf(inputs[0]) && isBlockConv(maker.node, plan) ? [maker] : [];
    const reader = readerOf(output);
    const after = reader && isPointwise(reader.node, plan) ? [reader] : [];
    const chain = [...before, depthwise, ...after];
    const between = chain.slice(0, -1).map((step) => layoutOf(shapeOf(plan, step.output)).bytes);
    if (!between.some((bytes) => bytes >= smallestBytes)) continue;
    for (const step of chain) becomes.set(step, undefined);
    const last = chain[chain.length - 1];
    const label = chain.map((step) => step.label).join(" + ");
    becomes.set(last, { ...last, node: chain[0].node, inputs: chain[0].inputs, label, chain });
  }
  return steps.flatMap((step) => (becomes.has(step) ? (becomes.get(step) ?? []) : step));
}

/** A Conv of images that blocks run, and no panels. */
function isBlockConv(node: Node, plan: ExecutionPlan): boolean {
  if (node.op !== "Conv" || isDepthwise(node, plan) || mayUsePanels(node, plan)) return false;
  return shapeOf(plan, node.inputs[0]).length === 4;
}

/** Does each pixel of the result come from the same pixel of the input? */
function isPointwise(node: Node, plan: ExecutionPlan): boolean {
  if (!isBlockConv(node, plan)) return false;
  const { axes } = convGeometry(node, shapeOf(plan, node.inputs[0]), shapeOf(plan, node.inputs[1]));
  const isPoint = ({ kernel, stride, inputSize, outputSize }: WindowAxis) =>
    kernel === 1 && stride === 1 && inputSize === outputSize;
  return axes.every(isPoint);
}

function readersOf(steps: readonly Step[], plan: ExecutionPlan): Map<string, (Step | "graph")[]> {
  const readers = new Map<string, (Step | "graph")[]>();
  const add = (name: string, reader: Step | "graph") => {
    const list = readers.get(name);
    if (list) list.push(reader);
    else readers.set(name, [reader]);
  };
  for (const step of steps) {
    for (const name of step.inputs) add(name, step);
    if (step.residual !== undefined) add(step.residual, step);
  }
  for (const { name } of plan.graph.outputs) add(name, "graph");
  return readers;
}
