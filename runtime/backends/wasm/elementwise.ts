/** Add, Sub, Mul, Div with broadcasting; Relu and Clip where nothing before them took them in. */
import type { Elementwise } from "../../../kernels-wasm/index.ts";
import type { Node } from "../../model/graph.ts";
import type { Shape } from "../../model/tensor.ts";
import { clipRange } from "../../ops/activation.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { axisBytes, layoutOf } from "./layout.ts";
import { phase } from "./phase.ts";
import { inputsOf, shapeOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { dimensionsOf, strided, whole } from "./strided.ts";

export const addBinding = binary("add");
export const subBinding = binary("sub");
export const mulBinding = binary("mul");
export const divBinding = binary("div");

export const clampBinding: Binding = {
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const [lo, hi] = clampOf(step.node, builder.plan)!;
    const call = strided("copy", builder, out.shape, [whole(x), whole(out)], lo, hi);
    return [phase(step, "f32_copy", [call], builder.threads, out)];
  },
};

/** The range that a Relu or Clip clamps to; undefined for other operators. */
export function clampOf(node: Node, plan: ExecutionPlan): [lo: number, hi: number] | undefined {
  if (node.op === "Relu") return [0, Number.POSITIVE_INFINITY];
  if (node.op === "Clip") return clipRange(node, inputsOf(node, plan));
  return undefined;
}

function binary(op: Elementwise): Binding {
  return {
    fuses: { clamp: true },
    unsupported(node, plan) {
      const out = shapeOf(plan, node.outputs[0]);
      const bytes = [...node.inputs, node.outputs[0]].map((name) => {
        const shape = shapeOf(plan, name);
        return broadcast(axisBytes(layoutOf(shape)), shape, out);
      });
      const dimensions = dimensionsOf(out, bytes);
      return dimensions > 4 ? `it broadcasts over ${dimensions} dimensions; at most 4 run` : undefined;
    },
    bind(step, builder) {
      const out = builder.value(step.output);
      const operands = step.inputs.map((name) => {
        const value = builder.value(name);
        return {
          address: value.address + value.origin,
          bytes: broadcast(axisBytes(value), value.shape, out.shape),
        };
      });
      const call = strided(op, builder, out.shape, [...operands, whole(out)], step.lo, step.hi);
      return [phase(step, `f32_${op}`, [call], builder.threads, out)];
    },
  };
}

/** Strides along the axes of `target`: 0 where `shape` is repeated. */
function broadcast(bytes: readonly number[], shape: Shape, target: Shape): number[] {
  const missing = target.length - shape.length;
  return target.map((_, axis) => {
    const own = axis - missing;
    return own < 0 || shape[own] === 1 ? 0 : bytes[own];
  });
}
