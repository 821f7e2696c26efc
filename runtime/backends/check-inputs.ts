/** Checks the inputs of a run against the plan. */
import { ModelError } from "../model/errors.ts";
import { sameShape, sizeOf } from "../model/tensor.ts";
import type { ExecutionPlan } from "../plan.ts";
import type { Tensors } from "./backend.ts";

/** Throws a ModelError that names the input that is missing, unknown, or of the wrong dtype, shape or length. */
export function checkInputs(plan: ExecutionPlan, inputs: Tensors): void {
  const declared = plan.graph.inputs;
  for (const name of Object.keys(inputs)) {
    if (declared.some((info) => info.name === name)) continue;
    const known = declared.map((info) => `'${info.name}'`).join(", ");
    throw new ModelError(`input '${name}' is not known; the inputs are ${known}`);
  }
  for (const { name } of declared) {
    const { dtype, shape } = plan.values.get(name)!;
    const refuse = (found: string) =>
      new ModelError(`input '${name}' is ${found}; expected ${dtype} [${shape}]`);
    const tensor = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    if (!tensor) throw refuse("missing");
    if (tensor.dtype !== dtype) throw refuse(tensor.dtype);
    if (!sameShape(tensor.shape, shape)) throw refuse(`of shape [${tensor.shape}]`);
    if (tensor.data.length !== sizeOf(shape)) throw refuse(`of ${tensor.data.length} values`);
  }
}
