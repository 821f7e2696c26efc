/** What a backend is: it says what it cannot do, prepares a plan once, and runs it many times. */

import type { Node } from "../model/graph.ts";
import type { SentImages } from "../model/image.ts";
import type { Tensor } from "../model/tensor.ts";
import type { ExecutionPlan } from "../plan.ts";

export type Tensors = Readonly<Record<string, Tensor>>; // by the name of the graph's input or output

/** Time of one step of the last profiled runs. */
export interface ProfileRow {
  readonly node: string; // "Conv 'layer1.0.conv1'"; fused nodes are named by the first, then "+ Relu"
  readonly kernel: string; // what ran: "f32_conv_6x8_k8"
  readonly detail: string; // why: "sparse: 30 % of the blocks kept"
  readonly ms: number; // mean over the profiled runs
  readonly gflops: number; // work done, 0 where it is not arithmetic
}

export interface Executable {
  /**
   * Inputs are checked by the session, or by `checkInputs`; outputs are fresh tensors that the caller owns. The caller
   * gives up those of `reuse`, outputs of an earlier run: a backend may fill them again instead of making new ones.
   */
  run(inputs: Tensors, reuse?: Tensors): Promise<Tensors>;
  /** Where it can make inputs of pictures itself; they stay open. */
  runOnImages?(inputs: Tensors, images: SentImages): Promise<Tensors>;
  /** Runs `runs` times with these inputs and times every step. */
  profile(inputs: Tensors, runs?: number): Promise<readonly ProfileRow[]>;
  /** For the next time this model is prepared on this device. */
  readonly choices?: Choices;
  /** Frees memory and threads. The executable cannot be used afterwards. */
  dispose(): void;
}

/** By step, the name of the way it runs. */
export type Choices = Readonly<Record<string, string>>;

export interface PrepareOptions {
  readonly threads?: number; // at most so many; 1 where shared memory is missing
  readonly relaxedSimd?: boolean; // false: multiply and add in two roundings even where one is there
  /** What an earlier executable of this model found to be the fastest on this device: its `choices`. */
  readonly choices?: Choices;
  readonly tuneMs?: number; // at most so long, about, kernels are tried out where a layer has a choice
}

export interface Backend {
  readonly name: string;
  /** Why this backend cannot run `node`, or undefined where it can. Known before anything is prepared. */
  unsupported(node: Node, plan: ExecutionPlan): string | undefined;
  /** Why this backend runs `node` as the reference does, a hundred times as slow; undefined where it has a kernel. */
  hosted?(node: Node, plan: ExecutionPlan): string | undefined;
  prepare(plan: ExecutionPlan, options?: PrepareOptions): Promise<Executable>;
  /** The executable of an earlier one's image, without a plan. Rejects where it does not fit this device. */
  revive?(image: Uint8Array): Promise<Executable>;
}
