/** Operators that only move data: Reshape and its kin, Concat, Pad, Transpose. */
import { sizeOf, stridesOf } from "../../model/tensor.ts";
import { normalAxis } from "../../ops/checks.ts";
import { padAmounts } from "../../ops/pad.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { phase, whole } from "./elementwise.ts";
import { axisBytes, layoutOf } from "./layout.ts";
import { attrsOf, inputsOf, shapeOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { dimensionsOf, strided } from "./strided.ts";

/** Reshape, Flatten, Squeeze, Unsqueeze, Identity: the same values in row-major order. */
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

function tooDeep(plan: ExecutionPlan, name: string): string | undefined {
  const shape = shapeOf(plan, name);
  // Worst case: every axis of its own.
  return shape.filter((size) => size !== 1).length > 4 &&
    dimensionsOf(shape, [axisBytes(layoutOf(shape))]) > 4
    ? `'${name}' [${shape}] has more than 4 dimensions`
    : undefined;
}
