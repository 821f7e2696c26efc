/** Softmax along any axis, on kernels-wasm/softmax.ts. */
import { softmax, softmaxName } from "../../../kernels-wasm/index.ts";
import { normalAxis } from "../../ops/checks.ts";
import { phase } from "./phase.ts";
import { attrsOf } from "./plan-facts.ts";
import type { Binding, Call } from "./step.ts";
import { whole } from "./strided.ts";

export const softmaxBinding: Binding = {
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const from = whole(x);
    const to = whole(out);
    const axis = normalAxis(step.node, attrsOf<{ axis: number }>(step.node).axis, x.shape.length);
    const kernel = builder.kernel(softmax());
    // One call a run of rows along the longest other axis; the remaining axes are counted here.
    const others = x.shape.map((_, other) => other).filter((other) => other !== axis);
    const along = others.reduce(
      (best, other) => (x.shape[other] > x.shape[best] ? other : best),
      others[0] ?? -1,
    );
    const calls: Call[] = [];
    const visit = (rest: readonly number[], xAt: number, outAt: number): void => {
      if (rest.length === 0) {
        const [rows, xRow, outRow] =
          along < 0 ? [1, 0, 0] : [x.shape[along], from.bytes[along], to.bytes[along]];
        calls.push({
          kernel,
          args: [xAt, outAt, rows, x.shape[axis], xRow, outRow, from.bytes[axis], to.bytes[axis]],
        });
        return;
      }
      const [first, ...further] = rest;
      for (let i = 0; i < x.shape[first]; i++) {
        visit(further, xAt + i * from.bytes[first], outAt + i * to.bytes[first]);
      }
    };
    visit(
      others.filter((other) => other !== along),
      from.address,
      to.address,
    );
    return [phase(step, softmaxName, calls, builder.threads, out)];
  },
};
