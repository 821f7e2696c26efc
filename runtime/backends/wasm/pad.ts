/** Pad: the value everywhere, then the input in its place. */
import { type Shape, sizeOf } from "../../model/tensor.ts";
import { padAmounts } from "../../ops/pad.ts";
import { sharedPhase } from "./phase.ts";
import { inputsOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { type Operand, stridedPieces, whole } from "./strided.ts";

export const padBinding: Binding = {
  unsupported(node, plan) {
    const { mode } = padAmounts(node, inputsOf(node, plan));
    return mode === "constant" ? undefined : `mode "${mode}" has no kernel`;
  },
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
    const copy = (sizes: Shape, operands: Operand[]) =>
      sharedPhase(step, stridedPieces([{ op: "copy", sizes, operands }], builder), sizeOf(sizes));
    const filled = copy(out.shape, [fill, whole(out)]);
    return sizes.some((size) => size <= 0) ? [filled] : [filled, copy(sizes, [from, to])];
  },
};
