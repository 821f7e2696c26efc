/** Slice: a copy that starts later and takes longer steps. */
import { sliceRanges } from "../../ops/slice.ts";
import { phase } from "./phase.ts";
import { inputsOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { strided, tooDeep, whole } from "./strided.ts";

export const sliceBinding: Binding = {
  unsupported: (node, plan) => tooDeep(plan, node.outputs[0]),
  bind(step, builder) {
    const from = whole(builder.value(step.inputs[0]));
    const out = builder.value(step.output);
    const ranges = sliceRanges(step.node, inputsOf(step.node, builder.plan));
    const address = ranges.reduce((at, { start }, axis) => at + start * from.bytes[axis], from.address);
    const bytes = ranges.map(({ step }, axis) => step * from.bytes[axis]);
    const call = strided("copy", builder, out.shape, [{ address, bytes }, whole(out)]);
    return [phase(step, "f32_copy", [call], builder.threads, out)];
  },
};
