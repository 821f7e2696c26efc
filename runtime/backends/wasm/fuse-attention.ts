/**
 * Recognizes attention, softmax(scale * q k + added) v: two products of activations and what is between them become
 * one step. `added` are constants: relative positions, masks.
 */
import type { Node } from "../../model/graph.ts";
import { sameShape } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { attrsOf, inputsOf, shapeOf } from "./plan-facts.ts";
import type { Step } from "./step.ts";

/** What the node of such a step carries; its inputs are q, k, v and the names of what is added. */
export interface AttentionAttrs {
  readonly scale: number; // above 0
  readonly factors: readonly number[]; // of what is added
}

export function fuseAttention(plan: ExecutionPlan, steps: readonly Step[]): readonly Step[] {
  const makers = new Map(steps.map((step) => [step.output, step]));
  const readers = new Map<string, Step[]>();
  for (const step of steps) {
    for (const name of [...step.inputs, step.residual ?? ""]) {
      readers.set(name, [...(readers.get(name) ?? []), step]);
    }
  }
  const outputs = new Set(plan.graph.outputs.map(({ name }) => name));
  const isPrivate = (name: string) => readers.get(name)?.length === 1 && !outputs.has(name);
  /** The step that makes a value for one reader only, with nothing fused into it. */
  const plainMaker = (name: string): Step | undefined => {
    const maker = makers.get(name);
    return maker && isPrivate(name) && isPlain(maker) ? maker : undefined;
  };
  const isComputed = (name: string) => !plan.graph.constants.has(name);
  /** The input of a Mul or Div by a positive number, and the number. */
  const scaled = (name: string): { step: Step; x: string; factor: number } | undefined => {
    const step = plainMaker(name);
    const by = step && scalarFactor(step.node, plan);
    return step && by && { step, ...by };
  };

  const taken = new Set<Step>();
  const made = new Map<Step, Step>(); // the attention in the place of its last step
  for (const softmax of steps) {
    if (softmax.node.op !== "Softmax" || !isOverLastAxis(softmax.node, plan)) continue;
    const [mixed] = readers.get(softmax.output) ?? [];
    if (!mixed || !isPrivate(softmax.output) || mixed.node.op !== "MatMul" || !isPlain(mixed)) continue;
    const [shares, v] = mixed.inputs;
    if (shares !== softmax.output || !isComputed(v)) continue;

    const within = [softmax, mixed];
    const added: { name: string; factor: number }[] = [];
    let factor = 1;
    let scores = softmax.inputs[0];
    for (;;) {
      const scale = scaled(scores);
      const sum = plainMaker(scores);
      const term = sum && addedConstant(sum.node, plan);
      if (scale) [scores, factor] = [scale.x, factor * scale.factor];
      else if (term) {
        added.push({ name: term.constant, factor });
        scores = term.x;
      } else break;
      within.push(scale?.step ?? sum!);
    }
    const products = plainMaker(scores);
    if (products?.node.op !== "MatMul") continue;
    within.push(products);
    const [q, k] = products.inputs.map((name) => {
      const scale = scaled(name);
      if (!scale || shapeOf(plan, scale.x).length !== shapeOf(plan, name).length) return name;
      factor *= scale.factor;
      within.push(scale.step);
      return scale.x;
    });
    if (!isComputed(q) || !isComputed(k) || shapeOf(plan, v).length < 2) continue;
    const attrs: AttentionAttrs = { scale: factor, factors: added.map((term) => term.factor) };
    const inputs = [q, k, v, ...added.map(({ name }) => name)];
    const node: Node = {
      name: mixed.node.name,
      op: "Attention",
      inputs,
      outputs: [mixed.output],
      attrs: { ...attrs },
    };
    for (const step of within) taken.add(step);
    made.set(mixed, { ...mixed, node, inputs, label: `Attention '${softmax.node.name}'` });
  }
  return steps.flatMap((step) => made.get(step) ?? (taken.has(step) ? [] : [step]));
}

function isPlain({ residual, activation, lo, hi }: Step): boolean {
  return residual === undefined && activation === undefined && lo === -Infinity && hi === Infinity;
}

function isOverLastAxis(node: Node, plan: ExecutionPlan): boolean {
  const { axis } = attrsOf<{ axis: number }>(node);
  return axis === -1 || axis === shapeOf(plan, node.outputs[0]).length - 1;
}

function scalarFactor(node: Node, plan: ExecutionPlan): { x: string; factor: number } | undefined {
  if (node.op !== "Mul" && node.op !== "Div") return undefined;
  const values = inputsOf(node, plan).map((input) => input?.value);
  const at = values.findIndex((value) => value?.data.length === 1);
  if (at < 0 || (node.op === "Div" && at === 0) || values[1 - at]) return undefined;
  const number = values[at]!.data[0];
  const factor = node.op === "Mul" ? number : 1 / number;
  const x = node.inputs[1 - at];
  const isSame = sameShape(shapeOf(plan, x), shapeOf(plan, node.outputs[0]));
  return isSame && factor > 0 && Number.isFinite(factor) ? { x, factor } : undefined;
}

/** A constant that is added to a value of at least its rank. */
function addedConstant(node: Node, plan: ExecutionPlan): { x: string; constant: string } | undefined {
  if (node.op !== "Add") return undefined;
  const at = node.inputs.findIndex((name) => plan.graph.constants.has(name));
  const [x, constant] = [node.inputs[1 - at], node.inputs[at]];
  if (at < 0 || plan.graph.constants.has(x)) return undefined;
  return sameShape(shapeOf(plan, x), shapeOf(plan, node.outputs[0])) ? { x, constant } : undefined;
}
