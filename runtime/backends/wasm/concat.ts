/** Concat: each input is copied to its place in the output. */
import { sizeOf } from "../../model/tensor.ts";
import { normalAxis } from "../../ops/checks.ts";
import { phase } from "./phase.ts";
import { attrsOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { strided, tooDeep, whole } from "./strided.ts";

export const concatBinding: Binding = {
  unsupported: (node, plan) => tooDeep(plan, node.outputs[0]),
  bind(step, builder) {
    const out = whole(builder.value(step.output));
    const axis = normalAxis(step.node, attrsOf<{ axis: number }>(step.node).axis, out.bytes.length);
    let at = 0;
    const calls = step.inputs.flatMap((name) => {
      const x = builder.value(name);
      const to = { address: out.address + at * out.bytes[axis], bytes: out.bytes };
      at += x.shape[axis];
      return sizeOf(x.shape) ? [strided("copy", builder, x.shape, [whole(x), to])] : [];
    });
    return [phase(step, "f32_copy", calls, builder.threads, builder.value(step.output))];
  },
};
