/** The kernel of a step that begins with an operator computing each element on its own. */
import { sizeOf } from "../../model/tensor.ts";
import { shapeOf } from "../wasm/plan-facts.ts";
import { whyNotElementwise, writeElementwise } from "./elementwise.ts";
import type { Family } from "./family.ts";
import { store } from "./store.ts";
import { perElement } from "./writer.ts";

export const elements: Family = {
  unsupported: whyNotElementwise,
  dtypes: ["float32", "int32", "uint8", "bool"], // whyNotElementwise has asked

  write(step, context) {
    const writer = context.writer();
    const { node, label } = step;
    const result = writeElementwise(node, writer);
    const body = `  ${store(writer, step, result)}`;
    const run = perElement(writer, sizeOf(shapeOf(context.plan, step.outputs[0])), body);
    return [writer.finish({ label, kernel: "elements", detail: "", flops: 0, ...run })];
  },
};
