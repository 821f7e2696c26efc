/** Transpose: a copy that walks the input in another order. */
import { axisBytes } from "./layout.ts";
import { phase } from "./phase.ts";
import { attrsOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { strided, tooDeep, whole } from "./strided.ts";

export const transposeBinding: Binding = {
  unsupported: (node, plan) => tooDeep(plan, node.outputs[0]),
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const rank = x.shape.length;
    const perm =
      attrsOf<{ perm?: readonly number[] }>(step.node).perm ?? x.shape.map((_, axis) => rank - 1 - axis);
    const bytes = axisBytes(x);
    const turned = { address: x.address + x.origin, bytes: perm.map((axis) => bytes[axis]) };
    const call = strided("copy", builder, out.shape, [turned, whole(out)]);
    return [phase(step, "f32_copy", [call], builder.threads, out)];
  },
};
