/**
 * A Concat needs no copy of an input that is written straight into its place. Of images along their channels, an
 * input's pixels are then the first, or next, channels of the result's pixels; of rows along their first axis that is
 * not 1, an input's rows are the first, or next, rows of the result.
 */
import { normalAxis } from "../../ops/checks.ts";
import type { Arrangement } from "./arrange.ts";
import { isImageStep } from "./kinds.ts";
import { axisBytes, type Border, type Layout, layoutOf } from "./layout.ts";
import { attrsOf, shapeOf } from "./plan-facts.ts";

/** The arrangement with such inputs in the buffers of their Concats; a Concat of nothing else is no step any more. */
export function joinConcats(arrangement: Arrangement): Arrangement {
  const { plan, steps } = arrangement;
  const values = new Map(arrangement.values);
  const makers = new Map(steps.map((step) => [step.output, step]));
  const seen = new Map<string, number>(); // values in each buffer
  for (const { owner } of values.values()) seen.set(owner, (seen.get(owner) ?? 0) + 1);
  /** The layout of a value that has its buffer for itself; of an image, of whole vectors of channels. */
  const ownLayout = (name: string): Layout | undefined => {
    const value = values.get(name);
    if (value?.owner !== name || seen.get(name) !== 1 || value.layout.view) return undefined;
    const { layout } = value;
    return layout.kind === "rows" || layout.stride === layout.c ? layout : undefined;
  };
  const isJoinable = (name: string, { kind }: Layout): boolean => {
    const maker = makers.get(name);
    return (
      ownLayout(name)?.kind === kind &&
      maker !== undefined &&
      (kind === "rows" || isImageStep(maker, plan))
    );
  };

  const kept = steps.filter((step) => {
    if (step.node.op !== "Concat") return true;
    const { node, inputs, output } = step;
    const own = ownLayout(output);
    if (!own) return true;
    const axis = normalAxis(node, attrsOf<{ axis: number }>(node).axis, own.shape.length);
    const sizes = inputs.map((name) => shapeOf(plan, name)[axis]);
    if (!isInOrder(own, axis, sizes)) return true;
    const joined = [...new Set(inputs)].filter((name) => isJoinable(name, own));
    const borders = [own, ...joined.map((name) => values.get(name)!.layout)].map(
      (layout) => layout.border,
    );
    const whole = layoutOf(own.shape, own.kind, widest(borders));
    values.set(output, { layout: whole, buffer: whole, owner: output });
    let at = 0;
    for (const [i, name] of inputs.entries()) {
      const value = values.get(name);
      if (joined.includes(name) && value?.owner === name) {
        values.set(name, {
          layout: partOf(whole, value.layout, axis, at),
          buffer: whole,
          owner: output,
        });
        seen.set(output, seen.get(output)! + 1);
      }
      at += sizes[i];
    }
    return inputs.length > joined.length;
  });
  return { ...arrangement, steps: kept, values };
}

/** Do inputs of these sizes along the axis lie one behind the other, or as whole vectors in each pixel? */
function isInOrder({ kind, shape }: Layout, axis: number, sizes: readonly number[]): boolean {
  if (kind === "rows")
    return axis < shape.length - 1 && shape.slice(0, axis).every((size) => size === 1);
  // Half a vector of one input would be written with the next one's.
  return shape.length === 4 && axis === 1 && sizes.every((size) => size % 8 === 0);
}

/** Of `whole`, what lies from `first` on along the axis, as large as `part`. */
function partOf(whole: Layout, part: Layout, axis: number, first: number): Layout {
  const bytes = axisBytes(whole);
  const origin = whole.origin + first * bytes[axis];
  if (whole.kind === "rows") return { ...part, origin, bytes: whole.bytes };
  const { shape, c, stride } = part;
  const axes = bytes.map((step, i) => [{ size: shape[i], bytes: step }]);
  return { ...whole, shape, axes, c, stride, origin };
}

function widest(borders: readonly Border[]): Border {
  return {
    top: Math.max(...borders.map(({ top }) => top)),
    bottom: Math.max(...borders.map(({ bottom }) => bottom)),
    side: Math.max(...borders.map(({ side }) => side)),
  };
}
