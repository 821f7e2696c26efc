/** How every kernel stores: what the tail of its step computes of a result, at the place of element `i`. */
import { writeElementwise } from "./elementwise.ts";
import type { Step } from "./fuse.ts";
import { scalarOf, type Writer } from "./writer.ts";

/** The statement that stores `result`, an expression of the type of `step.made`, as element `i`, a u32 named so. */
export function store(writer: Writer, step: Step, result: string): string {
  const out = writer.value(step.outputs[0]);
  if (!step.tail.length) return `${out}[i] = ${result};`;
  const { values } = writer.plan;
  const lines: string[] = [];
  let [known, expression] = [step.made, result];
  for (const [n, node] of [undefined, ...step.tail].entries()) {
    if (node) {
      expression = writeElementwise(node, writer, new Map([[known, `r${n - 1}`]]));
      known = node.outputs[0];
    }
    lines.push(`let r${n}: ${scalarOf(values.get(known)!.dtype)} = ${expression};`);
  }
  return `${lines.join("\n  ")}\n  ${out}[i] = r${step.tail.length};`;
}

/** The same as a function `store(i, result)`, for kernels that store at several places. */
export function storeFunction(writer: Writer, step: Step): string {
  const type = scalarOf(writer.plan.values.get(step.made)!.dtype);
  return `fn store(i: u32, result: ${type}) {\n  ${store(writer, step, "result")}\n}`;
}
