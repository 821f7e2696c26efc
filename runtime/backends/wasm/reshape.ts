/**
 * Reshape, Flatten, Squeeze, Unsqueeze, Identity: the same values in row-major order. They run only where the result
 * is no view of the input (see arrange.ts): at once where both can be walked together, else by way of scratch memory.
 */
import { sizeOf } from "../../model/tensor.ts";
import { copyPieces, packedRows } from "./copy.ts";
import { sharedPhase } from "./phase.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { viewOpOf } from "./views.ts";

export const reshapeBinding: Binding = {
  reads: "any",
  writes: "any",
  scratch: (step, plan) => (step.node.op === "Identity" ? 0 : sizeOf(shapeOf(plan, step.output)) * 4),
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const seen = viewOpOf(step.node)!.forward(step.node, builder.plan, x);
    const elements = sizeOf(out.shape);
    if (seen) {
      const from = { ...seen, shape: out.shape, address: x.address };
      return [sharedPhase(step, copyPieces(from, out, builder), elements)];
    }
    const packed = (shape: readonly number[]) => ({ ...packedRows(shape), address: builder.scratch });
    return [
      sharedPhase(step, copyPieces(x, packed(x.shape), builder), elements),
      sharedPhase(step, copyPieces(packed(out.shape), out, builder), elements),
    ];
  },
};
