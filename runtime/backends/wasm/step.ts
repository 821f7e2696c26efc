/** What a bound network is made of, and what the binding of an operator is. */
import type { Activation, Func } from "../../../kernels-wasm/index.ts";
import type { Node } from "../../model/graph.ts";
import type { Tensor } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import type { Layout } from "./layout.ts";

/** One node, with the Add, the activation and the Relu or Clip that were fused into it. */
export interface Step {
  readonly node: Node;
  readonly label: string; // "Conv 'stem' + Relu"
  readonly inputs: readonly string[];
  readonly output: string; // of the last node fused
  readonly residual?: string; // a value of the output's shape, added before the activation and the clamp
  readonly activation?: Activation;
  readonly addsLast?: boolean; // the residual is added behind the activation, before the clamp
  readonly lo: number; // clamp; -Infinity and Infinity where there is none
  readonly hi: number;
  readonly chain?: readonly Step[]; // of what it consists, where that runs in bands: chains.ts
}

/** A value with its place in memory. */
export interface Placed extends Layout {
  readonly address: number; // of the buffer
  readonly buffer?: Placed; // of a view: all of the buffer that it lies in
}

export interface Call {
  readonly kernel: string;
  readonly args: readonly number[];
}

/** Pieces of work that may run at once, on any thread; all are done before the next phase begins. */
export interface Phase {
  readonly label: string;
  readonly kernel: string;
  readonly detail: string;
  readonly flops: number;
  readonly calls: readonly (readonly Call[])[]; // [pieces], at most 255
  /** What the first thread does behind the calls, by itself: a node without a kernel. */
  readonly run?: (memory: ArrayBufferLike) => void;
}

/** One way of running a step. */
export interface Candidate {
  readonly name: string; // "block 8", "panel 40x1"
  readonly cycles: number; // predicted, on one thread
  bind(builder: Builder): Phase[];
}

/** Where a binding writes its tables and finds its operands. */
export interface Builder {
  readonly plan: ExecutionPlan;
  readonly threads: number;
  readonly fma: boolean;
  /** A value in memory; a constant is laid out there when it is first asked for. */
  value(name: string): Placed;
  /** The dense value of a constant, or undefined. */
  constant(name: string): Tensor<"float32"> | undefined;
  /** Scratch memory of this step, as many bytes as the binding's `scratch` asked for. */
  readonly scratch: number;
  /** Keeps these values in memory for as long as the network lives; their address. */
  data(values: Int32Array | Float32Array): number;
  /** Puts the kernel into the module; its name. */
  kernel(func: Func): string;
  /** The way to run a step; `sample` gives the same ways for its first pixels only, to try them out. */
  choose(
    step: Step,
    candidates: readonly Candidate[],
    sample: (pixels: number) => readonly Candidate[],
  ): { readonly candidate: Candidate; readonly why: string };
}

/** What follows a node and can be done in the same step. */
export interface Fuses {
  readonly residual?: boolean; // an Add
  readonly activation?: boolean; // what activation.ts knows, before the clamp
  readonly clamp?: boolean; // a Relu or Clip
}

/**
 * How a value may lie for an operator to read or write it: in the layout that is its own (an image, or rows); as
 * rows at any addresses, each with its elements side by side; in any way.
 */
export type Access = "own" | "rows" | "any";

/** How this backend runs an operator. */
export interface Binding {
  /** Why it cannot, or undefined. */
  unsupported?(node: Node, plan: ExecutionPlan): string | undefined;
  /** Are its first input and its output images [N, C, H, W] or [N, C, W]? */
  readonly images?: boolean | ((node: Node, plan: ExecutionPlan) => boolean);
  /** Are the dimensions of its output others than those of its inputs, as a product's are? */
  readonly newAxes?: boolean;
  /** "own" where it is left out. */
  readonly reads?: Access | ((step: Step, slot: number, plan: ExecutionPlan) => Access);
  readonly writes?: Access | ((step: Step, plan: ExecutionPlan) => Access);
  /** Does it write all lanes of a pixel, also those behind the last channel? If not, they are cleared before. */
  readonly wholeLanes?: boolean | ((step: Step, builder: Pick<Builder, "plan" | "value">) => boolean);
  readonly fuses?: Fuses | ((node: Node, plan: ExecutionPlan) => Fuses);
  scratch?(step: Step, plan: ExecutionPlan, threads: number): number; // bytes
  bind(step: Step, builder: Builder): Phase[];
}
