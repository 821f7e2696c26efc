/** Softmax, on kernels-wasm/softmax.ts: rows whose elements lie side by side four at a time, other axes one at a time. */
import { softmax, softmaxName, softmaxRows, softmaxRowsName } from "../../../kernels-wasm/index.ts";
import type { Node } from "../../model/graph.ts";
import { normalAxis } from "../../ops/checks.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { everyPixel } from "./pixel-tables.ts";
import { attrsOf, shapeOf } from "./plan-facts.ts";
import { rowPieces } from "./rows.ts";
import type { Access, Binding, Builder, Call, Phase, Placed, Step } from "./step.ts";
import { whole } from "./strided.ts";

/** On one thread, with three walks over a row. */
export const softmaxCycles = { perValue: 3, perRow: 60 };

export const softmaxBinding: Binding = {
  wholeLanes: (step, builder) =>
    lanesOf(builder.value(step.output)) === axisOf(step.node, builder.value(step.output).shape.length),
  reads: (step, _slot, plan) => accessOf(step, plan),
  writes: accessOf,
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const axis = axisOf(step.node, x.shape.length);
    return axis === lanesOf(x) ? bindRows(step, builder, x, out) : bindAxis(step, builder, x, out, axis);
  },
};

/** The axis whose elements lie side by side. */
const lanesOf = ({ kind, shape }: Placed): number => (kind === "image" ? 1 : shape.length - 1);

const axisOf = (node: Node, rank: number): number =>
  normalAxis(node, attrsOf<{ axis: number }>(node).axis, rank);

function accessOf({ node, output }: Step, plan: ExecutionPlan): Access {
  const rank = shapeOf(plan, output).length;
  return axisOf(node, rank) === rank - 1 ? "rows" : "own";
}

function bindRows(step: Step, builder: Builder, x: Placed, out: Placed): Phase[] {
  const kernel = { scale: 1, fma: builder.fma };
  const name = builder.kernel(softmaxRows(kernel));
  const rows = [x, out].map(everyPixel);
  const cycles = rows[0].length * (x.c * softmaxCycles.perValue + softmaxCycles.perRow);
  const calls = rowPieces(rows, builder.threads, cycles, ({ at, count, bytes }) => ({
    kernel: name,
    args: [...at, count, x.c, ...bytes],
  }));
  return [{ label: step.label, kernel: softmaxRowsName(kernel), detail: "", flops: 0, calls }];
}

/** One call a run of rows along the longest other axis; the remaining axes are counted here. */
function bindAxis(step: Step, builder: Builder, x: Placed, out: Placed, axis: number): Phase[] {
  const [from, to] = [whole(x), whole(out)];
  const kernel = builder.kernel(softmax());
  const others = x.shape.map((_, other) => other).filter((other) => other !== axis);
  const along = others.reduce(
    (best, other) => (x.shape[other] > x.shape[best] ? other : best),
    others[0],
  );
  const shared = [
    ...[x.shape[along], x.shape[axis], from.bytes[along], to.bytes[along]],
    ...[from.bytes[axis], to.bytes[axis]],
  ];
  const calls: Call[] = [];
  const visit = (rest: readonly number[], xAt: number, outAt: number): void => {
    if (rest.length === 0) calls.push({ kernel, args: [xAt, outAt, ...shared] });
    const [first, ...further] = rest;
    for (let i = 0; rest.length && i < x.shape[first]; i++) {
      visit(further, xAt + i * from.bytes[first], outAt + i * to.bytes[first]);
    }
  };
  const counted = others.filter((other) => other !== along);
  visit(counted, from.address, to.address);
  return [{ label: step.label, kernel: softmaxName, detail: "", flops: 0, calls: [calls] }];
}
