/** Slice: a copy of what is taken. Runs only where the result is no view: see arrange.ts. */
import { sizeOf } from "../../model/tensor.ts";
import { copyPieces } from "./copy.ts";
import { sharedPhase } from "./phase.ts";
import type { Binding } from "./step.ts";
import { viewOpOf } from "./views.ts";

export const sliceBinding: Binding = {
  writes: "any",
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const taken = viewOpOf(step.node)!.forward(step.node, builder.plan, x)!;
    const from = { ...taken, shape: out.shape, address: x.address };
    return [sharedPhase(step, copyPieces(from, out, builder), sizeOf(out.shape))];
  },
};
