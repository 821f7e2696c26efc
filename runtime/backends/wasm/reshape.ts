/** Reshape, Flatten, Squeeze, Unsqueeze, Identity: the same values in row-major order. */
import { sizeOf, stridesOf } from "../../model/tensor.ts";
import { phase } from "./phase.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { strided, tooDeep, whole } from "./strided.ts";

export const reshapeBinding: Binding = {
  alias: true,
  unsupported(node, plan) {
    return tooDeep(plan, node.inputs[0]) ?? tooDeep(plan, node.outputs[0]);
  },
  scratch: (step, plan) => sizeOf(shapeOf(plan, step.output)) * 4,
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const rowMajor = (shape: readonly number[]) => ({
      address: builder.scratch,
      bytes: stridesOf(shape).map((stride) => stride * 4),
    });
    const calls = [
      strided("copy", builder, x.shape, [whole(x), rowMajor(x.shape)]),
      strided("copy", builder, out.shape, [rowMajor(out.shape), whole(out)]),
    ];
    return [phase(step, "f32_copy", calls, builder.threads, out)];
  },
};
