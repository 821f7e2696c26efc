/**
 * Where every activation lies: its layout (with the border that its readers want), and its address in the
 * arena. Values that are one another's data under another shape share an address.
 */
import type { ExecutionPlan, Lifetime } from "../../plan.ts";
import { layoutArena } from "../../plan.ts";
import { bindingOf } from "./bindings.ts";
import { convBorder } from "./conv.ts";
import { isDepthwise } from "./depthwise.ts";
import { type Border, type Layout, layoutOf, noBorder, sameMemory } from "./layout.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Placed, Step } from "./step.ts";

export interface Places {
  readonly values: ReadonlyMap<string, Placed>;
  readonly scratch: readonly number[]; // address for each step
  readonly staging: ReadonlyMap<string, number>; // where a graph input is put, and an output fetched, row-major
  readonly aliased: ReadonlySet<Step>; // steps with nothing to do
  readonly bytes: number;
}

/** Addresses from `base` on. */
export function place(plan: ExecutionPlan, steps: readonly Step[], base: number): Places {
  const { graph } = plan;
  const layouts = new Map<string, Layout>();
  const names = [...graph.inputs.map((input) => input.name), ...steps.map((step) => step.output)];
  for (const name of names) layouts.set(name, layoutFor(name, plan, steps));

  // Time: 0 puts the inputs in, step i runs at i + 1, the outputs are fetched at the end.
  const end = steps.length + 1;
  const owner = new Map<string, string>(); // the value whose buffer a value uses
  const lives = new Map<string, [number, number]>(); // of owners
  const ownerOf = (name: string) => owner.get(name) ?? name;
  const read = (name: string, time: number) => {
    const live = lives.get(ownerOf(name));
    if (live) live[1] = Math.max(live[1], time);
  };
  const aliased = new Set<Step>();
  for (const { name } of graph.inputs) lives.set(name, [0, 0]);
  steps.forEach((step, i) => {
    for (const name of step.inputs) read(name, i + 1);
    if (step.residual !== undefined) read(step.residual, i + 1);
    const [x] = step.inputs;
    const xLayout = layouts.get(x);
    if (bindingOf(step.node.op)!.alias && xLayout && sameMemory(xLayout, layouts.get(step.output)!)) {
      owner.set(step.output, ownerOf(x));
      aliased.add(step);
    } else lives.set(step.output, [i + 1, i + 1]);
  });
  for (const { name } of graph.outputs) read(name, end);

  const wanted: { bytes: number; lifetime: Lifetime; put: (address: number) => void }[] = [];
  const values = new Map<string, Placed>();
  const staging = new Map<string, number>();
  const scratch = new Array<number>(steps.length).fill(0);
  for (const [name, lifetime] of lives) {
    const layout = layouts.get(name)!;
    wanted.push({
      bytes: layout.bytes,
      lifetime,
      put: (address) => values.set(name, { ...layout, address }),
    });
  }
  const stage = (name: string, time: number) => {
    const bytes = shapeOf(plan, name).reduce((a, b) => a * b, 4);
    wanted.push({ bytes, lifetime: [time, time], put: (address) => staging.set(name, address) });
  };
  for (const { name } of graph.inputs) stage(name, 0);
  for (const { name } of graph.outputs)
    if (!graph.inputs.some((input) => input.name === name)) stage(name, end);
  steps.forEach((step, i) => {
    const bytes = bindingOf(step.node.op)!.scratch?.(step, plan) ?? 0;
    if (bytes > 0 && !aliased.has(step)) {
      wanted.push({ bytes, lifetime: [i + 1, i + 1], put: (address) => (scratch[i] = address) });
    }
  });
  const arena = layoutArena(wanted, 64);
  wanted.forEach(({ put }, i) => {
    put(base + arena.offsets[i]);
  });
  for (const [name, by] of owner) {
    values.set(name, { ...layouts.get(name)!, address: values.get(by)!.address });
  }
  return { values, scratch, staging, aliased, bytes: arena.bytes };
}

/** A value's layout follows from who reads it. */
function layoutFor(name: string, plan: ExecutionPlan, steps: readonly Step[]): Layout {
  const shape = shapeOf(plan, name);
  const readers = steps.filter((step) => step.inputs.includes(name) || step.residual === name);
  const convs = readers.filter(({ node }) => node.op === "Conv" && node.inputs[0] === name);
  const border = convs.reduce<Border>((widest, { node }) => {
    const own = convBorder(node, plan);
    return {
      top: Math.max(widest.top, own.top),
      bottom: Math.max(widest.bottom, own.bottom),
      side: Math.max(widest.side, own.side),
    };
  }, noBorder);
  // Pictures of 1 or 3 channels stay as narrow as they are where only convolutions read them.
  const isPicture =
    shape.length === 4 &&
    shape[1] < 8 &&
    plan.graph.inputs.some((input) => input.name === name) &&
    !plan.graph.outputs.some((output) => output.name === name) &&
    readers.length > 0 &&
    readers.every((step) => convs.includes(step) && step.residual !== name && !isGrouped(step, plan));
  return layoutOf(shape, border, isPicture ? shape[1] : undefined);
}

function isGrouped({ node }: Step, plan: ExecutionPlan): boolean {
  return (
    isDepthwise(node, plan) || shapeOf(plan, node.inputs[1])[1] !== shapeOf(plan, node.inputs[0])[1]
  );
}
