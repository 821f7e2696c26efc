/** Pad: the value everywhere, then the input in its place. */
import { padAmounts } from "../../ops/pad.ts";
import { phase } from "./phase.ts";
import { inputsOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { strided, tooDeep, whole } from "./strided.ts";

export const padBinding: Binding = {
  unsupported: (node, plan) => tooDeep(plan, node.outputs[0]),
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const { begin, value } = padAmounts(step.node, inputsOf(step.node, builder.plan));
    const fill = { address: builder.data(Float32Array.of(value)), bytes: begin.map(() => 0) };
    const to = whole(out);
    const from = whole(x);
    // A negative pad crops: x starts later, or y does.
    const sizes = x.shape.map((dim, axis) => {
      const cut = Math.max(0, -begin[axis]);
      const put = Math.max(0, begin[axis]);
      from.address += cut * from.bytes[axis];
      to.address += put * to.bytes[axis];
      return Math.min(dim - cut, out.shape[axis] - put);
    });
    const calls = [strided("copy", builder, out.shape, [fill, whole(out)])];
    if (sizes.every((size) => size > 0)) calls.push(strided("copy", builder, sizes, [from, to]));
    return [phase(step, "f32_copy", calls, builder.threads, out)];
  },
};
