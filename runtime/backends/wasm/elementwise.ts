/** Add, Sub, Mul, Div, Max, Min, PRelu with broadcasting; activations, Relu and Clip where nothing before them took them in. */
import type { Elementwise } from "../../../kernels-wasm/index.ts";
import type { Node } from "../../model/graph.ts";
import { type Shape, sizeOf } from "../../model/tensor.ts";
import { clipRange } from "../../ops/activation.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { activationOf, isTame } from "./activation.ts";
import { axisBytes, roundUp8 } from "./layout.ts";
import { sharedPhase } from "./phase.ts";
import { inputsOf, shapeOf } from "./plan-facts.ts";
import type { Binding, Builder, Phase, Placed, Step } from "./step.ts";
import { type Loop, type Operand, stridedPieces, whole } from "./strided.ts";

export const addBinding = binary("add");
export const subBinding = binary("sub");
export const mulBinding = binary("mul");
export const divBinding = binary("div");
export const maxBinding = binary("max");
export const minBinding = binary("min");
export const preluBinding = binary("prelu");

export const clampBinding: Binding = {
  wholeLanes: runsWholeLanes,
  bind(step, builder) {
    const [lo, hi] = clampOf(step.node, builder.plan)!;
    return run({ op: "copy", lo, hi }, step, builder);
  },
};

export const activationBinding: Binding = {
  wholeLanes: runsWholeLanes,
  fuses: { clamp: true },
  unsupported(node, plan) {
    if (activationOf(node, plan)) return undefined;
    return node.op === "Pow" ? "only a constant scalar exponent runs" : "only an alpha above 0 runs";
  },
  bind(step, builder) {
    const { lo, hi } = step;
    return run({ op: "copy", activation: activationOf(step.node, builder.plan), lo, hi }, step, builder);
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
    wholeLanes: runsWholeLanes,
    fuses: { activation: true, clamp: true },
    bind(step, builder) {
      const { activation, lo, hi } = step;
      return run({ op, activation, lo, hi }, step, builder);
    },
  };
}

/** The loop over the step's output: over the lanes behind its last channel too, where they may be written. */
function run(loop: Omit<Loop, "sizes" | "operands">, step: Step, builder: Builder): Phase[] {
  const out = builder.value(step.output);
  const axis = laneAxis(out);
  const sizes = [...out.shape];
  if (runsWholeLanes(step, builder)) sizes[axis] = roundUp8(sizes[axis]);
  const inputs = operandsOf(step, builder.plan);
  const operands = [...inputs.map((name) => operandOf(name, out, builder)), whole(out)];
  return [sharedPhase(step, stridedPieces([{ ...loop, sizes, operands }], builder), sizeOf(out.shape))];
}

/** The inputs that are read while running: neither the bounds of a Clip nor the exponent of a Pow. */
function operandsOf({ node, inputs }: Step, plan: ExecutionPlan): readonly string[] {
  return clampOf(node, plan) || activationOf(node, plan) ? inputs.slice(0, 1) : inputs;
}

/** Are the lanes behind the last channel there in every operand, and is what comes of them finite? */
function runsWholeLanes(step: Step, builder: Pick<Builder, "plan" | "value">): boolean {
  const { node, activation = activationOf(node, builder.plan) } = step;
  if (node.op === "Div" || (activation && !isTame(activation))) return false;
  const out = builder.value(step.output);
  const axis = laneAxis(out);
  if (axis < 0 || out.stride !== roundUp8(out.shape[axis])) return false;
  return operandsOf(step, builder.plan).every((name) => {
    const isConstant = builder.plan.graph.constants.has(name);
    if (isConstant && isChannelVector(shapeOf(builder.plan, name), out.shape, axis)) return true;
    const value = builder.value(name);
    const bytes = broadcast(axisBytes(value), value.shape, out.shape)[axis];
    return bytes === 0 || (bytes === 4 && value.stride === out.stride);
  });
}

/** An input as it is walked along the axes of the output. */
function operandOf(name: string, out: Placed, builder: Builder): Operand {
  const axis = laneAxis(out);
  const constant = builder.constant(name);
  if (constant && isChannelVector(constant.shape, out.shape, axis)) {
    const isScalar = constant.data.length === 1;
    const lanes = new Float32Array(isScalar ? 1 : roundUp8(constant.data.length));
    lanes.set(constant.data);
    return {
      address: builder.data(lanes),
      bytes: out.shape.map((_, i) => (i === axis && !isScalar ? 4 : 0)),
    };
  }
  const value = builder.value(name);
  return {
    address: value.address + value.origin,
    bytes: broadcast(axisBytes(value), value.shape, out.shape),
  };
}

/** Is it one value, or one for each index of `axis` of `target`? */
function isChannelVector(shape: Shape, target: Shape, axis: number): boolean {
  const missing = target.length - shape.length;
  return shape.every((size, own) => size === 1 || own + missing === axis);
}

/** The axis whose elements lie side by side; -1 for a scalar. */
function laneAxis(out: Placed): number {
  return axisBytes(out).indexOf(4);
}

/** Strides along the axes of `target`: 0 where `shape` is repeated. */
export function broadcast(bytes: readonly number[], shape: Shape, target: Shape): number[] {
  const missing = target.length - shape.length;
  return target.map((_, axis) => {
    const own = axis - missing;
    return own < 0 || shape[own] === 1 ? 0 : bytes[own];
  });
}
