/** Gather with constant indices, and Expand: copies. */
import { sizeOf } from "../../model/tensor.ts";
import { gathering } from "../../ops/gather.ts";
import { broadcast } from "./elementwise.ts";
import { axisBytes } from "./layout.ts";
import { sharedPhase } from "./phase.ts";
import { inputsOf } from "./plan-facts.ts";
import type { Binding } from "./step.ts";
import { type Loop, stridedPieces, whole } from "./strided.ts";

export const gatherBinding: Binding = {
  unsupported: (node, plan) =>
    inputsOf(node, plan)[1]?.value ? undefined : "the indices are computed while running",
  newAxes: true,
  bind(step, builder) {
    const from = whole(builder.value(step.inputs[0]));
    const out = builder.value(step.output);
    const to = whole(out);
    const { axis, indices, indicesShape } = gathering(step.node, inputsOf(step.node, builder.plan));
    const row = indicesShape.at(-1) ?? 1; // indices that the output has along one axis
    const behind = axis + indicesShape.length; // the first axis behind theirs
    const last = indicesShape.length ? to.bytes[behind - 1] : 0;
    const loops = runsOf(indices, row).map(({ at, count, step: stride }): Loop => {
      let address = to.address;
      for (let i = behind - 1, rest = at; i >= axis; i--) {
        address += (rest % out.shape[i]) * to.bytes[i];
        rest = Math.floor(rest / out.shape[i]);
      }
      const start = from.address + indices[at] * from.bytes[axis];
      const put = (middle: number, bytes: readonly number[], end: number) => [
        ...bytes.slice(0, axis),
        middle,
        ...bytes.slice(end),
      ];
      return {
        op: "copy",
        sizes: put(count, out.shape, behind),
        operands: [
          { address: start, bytes: put(stride * from.bytes[axis], from.bytes, axis + 1) },
          { address, bytes: put(last, to.bytes, behind) },
        ],
      };
    });
    return [sharedPhase(step, stridedPieces(loops, builder), sizeOf(out.shape))];
  },
};

export const expandBinding: Binding = {
  bind(step, builder) {
    const x = builder.value(step.inputs[0]);
    const out = builder.value(step.output);
    const bytes = broadcast(axisBytes(x), x.shape, out.shape);
    const operands = [{ address: x.address + x.origin, bytes }, whole(out)];
    const pieces = stridedPieces([{ op: "copy", sizes: out.shape, operands }], builder);
    return [sharedPhase(step, pieces, sizeOf(out.shape))];
  },
};

/** Neighbouring indices that are equally far from one another, in rows of `row`. */
function runsOf(indices: readonly number[], row: number): { at: number; count: number; step: number }[] {
  const runs: { at: number; count: number; step: number }[] = [];
  for (let at = 0; at < indices.length; ) {
    const end = (Math.floor(at / row) + 1) * row;
    const step = at + 1 < end ? indices[at + 1] - indices[at] : 0;
    let count = 1;
    while (at + count < end && indices[at + count] - indices[at + count - 1] === step) count++;
    runs.push({ at, count, step });
    at += count;
  }
  return runs;
}
