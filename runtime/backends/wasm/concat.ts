/** Concat: each input is copied to its place in the output. */
import { sizeOf } from "../../model/tensor.ts";
import { normalAxis } from "../../ops/checks.ts";
import { sharedPhase } from "./phase.ts";
import { attrsOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { stridedPieces, whole } from "./strided.ts";

export const concatBinding: Binding = {
  bind(step, builder) {
    const out = whole(builder.value(step.output));
    const axis = normalAxis(step.node, attrsOf<{ axis: number }>(step.node).axis, out.bytes.length);
    let at = 0;
    const loops = step.inputs.map((name) => {
      const x = builder.value(name);
      const to = { address: out.address + at * out.bytes[axis], bytes: out.bytes };
      at += x.shape[axis];
      return { op: "copy" as const, sizes: x.shape, operands: [whole(x), to] };
    });
    const elements = sizeOf(builder.value(step.output).shape);
    return [sharedPhase(step, stridedPieces(loops, builder), elements)];
  },
};
