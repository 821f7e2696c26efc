/**
 * Rows that only the graph's user reads, and that are written element by element, lie without gaps: they are fetched
 * from where they are, with no copy in between.
 */
import type { Arranged, Arrangement } from "./arrange.ts";
import { bindingOf } from "./bindings.ts";
import { packedRows } from "./copy.ts";
import type { Step } from "./step.ts";
import { sameWalk } from "./views.ts";

export function packOutputs(arrangement: Arrangement): Arrangement {
  const { plan, steps, values: arranged } = arrangement;
  const values = new Map(arranged);
  const read = new Set(steps.flatMap(({ inputs, residual }) => [...inputs, residual ?? ""]));
  const made = new Map(steps.map((step) => [step.output, step]));
  const inputs = new Set(plan.graph.inputs.map(({ name }) => name));
  for (const { name } of plan.graph.outputs) {
    const output = arranged.get(name);
    if (!output) continue; // a constant
    const { owner, buffer } = output;
    const members = [...arranged].filter(([, value]) => value.owner === owner);
    const isFree = members.every(([member, { layout }]) => {
      const step = made.get(member);
      const isOurs = layout.kind === "rows" && !layout.view && layout.stride === buffer.stride;
      return isOurs && !read.has(member) && !inputs.has(member) && (!step || writesElements(step));
    });
    if (!isFree) continue;
    const packed = packedRows(buffer.shape);
    for (const [member, { layout }] of members) {
      const origin = (layout.origin / buffer.imageBytes) * packed.imageBytes;
      const own = { ...packedRows(layout.shape), origin, bytes: packed.bytes };
      values.set(member, { layout: own, buffer: packed, owner });
    }
  }
  return { ...arrangement, values };
}

/** Does it write single elements? Kernels write eight lanes at a time, also behind the last one of a row. */
const writesElements = ({ node }: Step) => node.op === "Concat" || bindingOf(node.op)?.writes === "any";

/** Is a value stored as it is fetched: row-major, without gaps? */
export function isPacked({ layout }: Pick<Arranged, "layout">): boolean {
  return sameWalk({ ...layout, origin: 0 }, packedRows(layout.shape));
}
