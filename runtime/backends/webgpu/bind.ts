/** A plan as what the GPU does: kernels in segments between the nodes that have none, and a place for every value. */
import { ModelError, nodeName } from "../../model/errors.ts";
import type { Node } from "../../model/graph.ts";
import { sizeOf } from "../../model/tensor.ts";
import { type ExecutionPlan, type Lifetime, layoutArena } from "../../plan.ts";
import { shapeOf } from "../wasm/plan-facts.ts";
import type { Data, Dispatch } from "./dispatch.ts";
import { familyOf, isView, whyHosted } from "./families.ts";
import { fuse, type Step } from "./fuse.ts";
import { createWriter, rawConstant } from "./writer.ts";

export interface Bound {
  readonly segments: readonly Segment[];
  readonly places: ReadonlyMap<string, Place>; // in the arena, of the values that own their bytes
  readonly arenaBytes: number;
  /** The value that owns the bytes of another, which is a view of it. */
  owner(name: string): string;
  readonly uploaded: ReadonlySet<string>; // owners that come from outside, or from nodes without a kernel
  readonly choices: Readonly<Record<string, string>>;
}

export interface Place {
  readonly offset: number;
  readonly bytes: number; // a multiple of 16
}

/** First kernels, then nodes without one. */
export interface Segment {
  readonly dispatches: readonly Dispatch[];
  readonly hosted: readonly Node[];
}

/** What every device has for the alignment of a bound range. */
const alignment = 256;

/** What the kernels may ask of the device. */
export interface Extensions {
  /** Products keep their operands in float16. */
  readonly isHalf?: boolean;
  /** Products hand weights round in subgroups, which have so many lanes or more; 0: they do not. */
  readonly lanes?: number;
}

export function bind(
  plan: ExecutionPlan,
  choices: Readonly<Record<string, string>>,
  { isHalf = false, lanes = 0 }: Extensions = {},
): Bound {
  const { graph } = plan;
  const owners = new Map<string, string>();
  for (const node of graph.nodes) {
    if (isView(node)) owners.set(node.outputs[0], owners.get(node.inputs[0]) ?? node.inputs[0]);
  }
  const owner = (name: string) => owners.get(name) ?? name;
  const steps = fuse(plan, { hosted: (node) => whyHosted(node, plan), isView });

  const rawData = new Map<string, Data>();
  const raw = (name: string): Data => {
    const known = rawData.get(name) ?? rawConstant(plan, name);
    rawData.set(name, known);
    return known;
  };
  const taken: Record<string, string> = {};
  const context = {
    plan,
    choices,
    chosen: (label: string, choice: string) => void Object.assign(taken, { [label]: choice }),
    writer: () => createWriter({ plan, isHalf, lanes, owner, raw }),
  };

  const segments: { dispatches: Dispatch[]; hosted: Node[] }[] = [{ dispatches: [], hosted: [] }];
  const reads: string[][] = []; // owners, by step
  for (const step of steps) {
    let segment = segments[segments.length - 1];
    if (step.hosted !== undefined) {
      segment.hosted.push(step.node);
    } else {
      if (segment.hosted.length) segments.push((segment = { dispatches: [], hosted: [] }));
      segment.dispatches.push(...written(step, () => familyOf(step.node).write(step, context)));
    }
    reads.push(readBy(step).map(owner));
  }

  const isConstant = (name: string) => graph.constants.has(name);
  const onGpu = new Set<string>(); // what kernels read or write
  for (const { dispatches } of segments) {
    for (const { bindings } of dispatches)
      for (const binding of bindings) if (binding.kind === "value") onGpu.add(binding.name);
  }
  const lifetimes = new Map<string, Lifetime>();
  for (const { name } of graph.inputs) lifetimes.set(name, [0, 0]);
  steps.forEach((step, at) => {
    for (const name of reads[at]) {
      const known = lifetimes.get(name);
      if (known) lifetimes.set(name, [known[0], at]);
    }
    for (const name of step.outputs) lifetimes.set(name, [at, at]);
  });
  for (const { name } of graph.outputs) {
    const known = lifetimes.get(owner(name));
    if (known) lifetimes.set(owner(name), [known[0], steps.length]);
  }
  // Inputs and what nodes without a kernel make are written before the segment that reads them begins.
  const uploaded = new Set<string>(graph.inputs.map(({ name }) => name));
  for (const { hosted } of segments)
    for (const node of hosted) for (const name of node.outputs) uploaded.add(name);

  const placed = [...lifetimes].filter(([name]) => onGpu.has(name) && !isConstant(name));
  const bytesOf = (name: string) => Math.max(16, Math.ceil(sizeOf(shapeOf(plan, name)) / 4) * 16);
  const layout = layoutArena(
    placed.map(([name, lifetime]) => ({ bytes: bytesOf(name), lifetime })),
    alignment,
  );
  const places = new Map(
    placed.map(([name], i): [string, Place] => [
      name,
      { offset: layout.offsets[i], bytes: bytesOf(name) },
    ]),
  );
  return { segments, places, arenaBytes: layout.bytes, owner, uploaded, choices: taken };
}

/** All that a step reads, for its node and its tail. */
function readBy({ node, tail }: Step): string[] {
  return [node, ...tail].flatMap(({ inputs }) => inputs.filter((name) => name !== ""));
}

/** The kernels, an error in writing them naming the node. */
function written(step: Step, write: () => Dispatch[]): Dispatch[] {
  try {
    return write();
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw new Error(`${nodeName(step.node)}: ${(error as Error).message}`);
  }
}
