/** What a gradient rule is: how an operator behaves in training, and the nodes that carry its gradient back. */
import type { Node } from "../../../runtime/model/graph.ts";
import type { Shape } from "../../../runtime/model/tensor.ts";
import type { InferInput } from "../../../runtime/ops/operator.ts";
import type { Emitter } from "../emitter.ts";

/** One node while its training form is emitted. All sizes are known, the batch too. */
export interface NodeContext extends Emitter {
  readonly node: Node;
  readonly inputs: readonly string[]; // values in the step graph: a masked weight in place of the weight
  readonly shapes: readonly Shape[]; // of the inputs
  readonly known: readonly (InferInput | undefined)[]; // the inputs, with the value where it is a constant
  readonly shape: Shape; // of the output
  readonly output: string; // name that the forward result must have
  readonly channelBlock: number; // of the engine's blocked convolutions; 0 where it has none
}

/** What the forward form keeps for the backward form: names of values. */
export type Saved = Readonly<Record<string, string>>;

export interface BackwardContext extends NodeContext {
  readonly saved: Saved;
  readonly needs: readonly boolean[]; // which inputs' gradients are asked for
  readonly gradients: readonly (string | undefined)[]; // of all outputs; undefined where nobody reads one
}

export interface GradientRule {
  /** Emits the operator as it is in training; absent where that is the node itself. */
  forward?(context: ForwardContext): Saved;
  /** Emits dL/dinput from `dy` = dL/doutput, the first, for each input that needs one. */
  backward(context: BackwardContext, dy: string): readonly (string | undefined)[];
}

export interface ForwardContext extends NodeContext {
  /** The constant that is input `index` gets this value after the step: a running average. */
  update(index: number, value: string): void;
}
