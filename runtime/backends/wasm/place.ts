/** Where every buffer lies: an address in one arena, whose bytes are used again once nobody reads them any more. */
import type { ExecutionPlan, Lifetime } from "../../plan.ts";
import { layoutArena } from "../../plan.ts";
import { type Arrangement, arrange } from "./arrange.ts";
import { bindingOf } from "./bindings.ts";
import { joinConcats } from "./joins.ts";
import { isPacked, packOutputs } from "./outputs.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Placed, Step } from "./step.ts";

export interface Places extends Pick<Arrangement, "plan" | "steps" | "kinds"> {
  readonly values: ReadonlyMap<string, Placed>;
  readonly scratch: readonly number[]; // address for each step
  readonly staging: ReadonlyMap<string, number>; // where a graph input is put, and an output fetched, row-major
  readonly bytes: number;
}

/** Addresses from `base` on. */
export function place(
  original: ExecutionPlan,
  fused: readonly Step[],
  { base, threads }: { base: number; threads: number },
): Places {
  const { plan, steps, kinds, values: arranged } = packOutputs(joinConcats(arrange(original, fused)));
  const { inputs, outputs } = plan.graph;
  const fetched = outputs.filter(({ name }) => !inputs.some((input) => input.name === name));

  // Time: 0 puts the inputs in, step i runs at i + 1, the outputs are fetched at the end.
  const end = steps.length + 1;
  const lives = new Map<string, [number, number]>(); // by the buffer's owner
  const use = (name: string, time: number) => {
    const value = arranged.get(name);
    if (!value) return; // a constant
    const live = lives.get(value.owner);
    if (live) live[1] = Math.max(live[1], time);
    else lives.set(value.owner, [time, time]);
  };
  for (const { name } of inputs) use(name, 0);
  steps.forEach((step, i) => {
    for (const name of [...step.inputs, step.residual ?? "", step.output]) use(name, i + 1);
  });
  for (const { name } of outputs) use(name, end);

  const wanted: { bytes: number; lifetime: Lifetime; put: (address: number) => void }[] = [];
  const addresses = new Map<string, number>(); // of buffers
  const staging = new Map<string, number>();
  const scratch = new Array<number>(steps.length).fill(0);
  for (const [owner, lifetime] of lives) {
    const { bytes } = arranged.get(owner)!.buffer;
    wanted.push({ bytes, lifetime, put: (address) => addresses.set(owner, address) });
  }
  const stage = (name: string, time: number) => {
    const bytes = shapeOf(plan, name).reduce((a, b) => a * b, 4);
    wanted.push({ bytes, lifetime: [time, time], put: (address) => staging.set(name, address) });
  };
  for (const { name } of inputs) stage(name, 0);
  for (const { name } of fetched) {
    const value = arranged.get(name);
    if (!value || !isPacked(value)) stage(name, end);
  }
  steps.forEach((step, i) => {
    const bytes = bindingOf(step.node.op)!.scratch?.(step, plan, threads) ?? 0;
    if (bytes === 0) return;
    wanted.push({ bytes, lifetime: [i + 1, i + 1], put: (address) => (scratch[i] = address) });
  });
  const arena = layoutArena(wanted, 64);
  for (const [i, { put }] of wanted.entries()) put(base + arena.offsets[i]);

  const values = new Map<string, Placed>();
  for (const [name, { layout, buffer, owner }] of arranged) {
    const address = addresses.get(owner);
    if (address === undefined) continue; // nobody reads or writes it
    values.set(name, { ...layout, address, ...(layout.view && { buffer: { ...buffer, address } }) });
  }
  for (const { name } of fetched) {
    const value = values.get(name);
    if (value && !staging.has(name)) staging.set(name, value.address + value.origin);
  }
  return { plan, steps, kinds, values, scratch, staging, bytes: arena.bytes };
}
