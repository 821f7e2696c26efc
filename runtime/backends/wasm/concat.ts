/** Concat: each input that does not lie there is copied to its place in the output. */
import { sizeOf } from "../../model/tensor.ts";
import { normalAxis } from "../../ops/checks.ts";
import { copyLoop } from "./copy.ts";
import { axisBytes } from "./layout.ts";
import { sharedPhase } from "./phase.ts";
import { attrsOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { stridedPieces } from "./strided.ts";

export const concatBinding: Binding = {
  reads: "any",
  bind(step, builder) {
    const out = builder.value(step.output);
    const axis = normalAxis(step.node, attrsOf<{ axis: number }>(step.node).axis, out.shape.length);
    const bytes = axisBytes(out)[axis];
    let at = 0;
    const loops = step.inputs.flatMap((name) => {
      const x = builder.value(name);
      const axes = out.axes.map((loops, i) => (i === axis ? [{ size: x.shape[axis], bytes }] : loops));
      const to = { shape: x.shape, axes, address: out.address, origin: out.origin + at * bytes };
      at += x.shape[axis];
      const isThere = x.address === to.address && x.origin === to.origin; // see joins.ts
      return isThere ? [] : copyLoop(x, to);
    });
    return [sharedPhase(step, stridedPieces(loops, builder), sizeOf(out.shape))];
  },
};
