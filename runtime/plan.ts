/** The plan of a graph: every shape, every lifetime, and places in one arena. Pure and backend-neutral. */
import type { Graph, StaticValue } from "./model/graph.ts";
import type { Shape } from "./model/tensor.ts";

/** The steps (indices of nodes) between which a value must be kept: [made, last read], both inclusive. */
export type Lifetime = readonly [first: number, last: number];

export interface ExecutionPlan {
  readonly graph: Graph; // its inputs' sizes are all numbers
  readonly values: ReadonlyMap<string, StaticValue>; // every value: inputs, constants, results of nodes
  readonly lifetimes: ReadonlyMap<string, Lifetime>; // of inputs and results of nodes; graph outputs live to the end
}

export interface PlanOptions {
  /** Sizes of inputs whose graph leaves them open, by input name; a lone "batch" size defaults to 1. */
  readonly shapes?: Readonly<Record<string, Shape>>;
}

/** Checks every node against its operator and infers all shapes. Throws a ModelError naming the node. */
export declare function plan(graph: Graph, options?: PlanOptions): ExecutionPlan;

/** Places in one arena, aligned to `align` bytes, reusing the bytes of values whose lifetimes do not overlap. */
export declare function layoutArena(
  values: readonly { readonly bytes: number; readonly lifetime: Lifetime }[],
  align?: number,
): { offsets: number[]; bytes: number };
