/** Transpose: a copy that walks the input in another order. Runs only where the result is no view: see arrange.ts. */
import { sizeOf } from "../../model/tensor.ts";
import { copyPieces } from "./copy.ts";
import { sharedPhase } from "./phase.ts";
import type { Binding } from "./step.ts";
import { viewOpOf } from "./views.ts";

export const transposeBinding: Binding = {
  reads: "any",
  writes: "any",
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const turned = viewOpOf(step.node)!.forward(step.node, builder.plan, x)!;
    const from = { ...turned, shape: out.shape, address: x.address };
    return [sharedPhase(step, copyPieces(from, out, builder), sizeOf(out.shape))];
  },
};
