/** Small questions that the bindings ask of a plan. */
import type { Node } from "../../model/graph.ts";
import type { Shape } from "../../model/tensor.ts";
import { readAttrs } from "../../ops/attributes.ts";
import { operatorOf } from "../../ops/index.ts";
import type { InferInput } from "../../ops/operator.ts";
import { type ExecutionPlan, inferInputs } from "../../plan.ts";

export function shapeOf(plan: ExecutionPlan, value: string): Shape {
  return plan.values.get(value)!.shape;
}

/** A node's attributes with ONNX's defaults. The plan has checked them. */
export function attrsOf<T>(node: Node): T {
  return readAttrs(node, operatorOf(node.op)!.attrs) as T;
}

/** A node's inputs as shape inference saw them: with the values of dense constants. */
export function inputsOf(node: Node, plan: ExecutionPlan): (InferInput | undefined)[] {
  return inferInputs(node, plan.graph, plan.values);
}
