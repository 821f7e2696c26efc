/**
 * A Concat of images along their channels needs no copy of an input that is written straight into its place: the
 * input's pixels are then the first, or next, channels of the result's pixels.
 */
import { normalAxis } from "../../ops/checks.ts";
import type { Arranged, Arrangement } from "./arrange.ts";
import { isImageStep } from "./kinds.ts";
import { type Border, type Layout, layoutOf } from "./layout.ts";
import { attrsOf, shapeOf } from "./plan-facts.ts";

/** The arrangement with such inputs in the buffers of their Concats; a Concat of nothing else is no step any more. */
export function joinConcats(arrangement: Arrangement): Arrangement {
  const { plan, steps } = arrangement;
  const values = new Map(arrangement.values);
  const makers = new Map(steps.map((step) => [step.output, step]));
  const seen = new Map<string, number>(); // values in each buffer
  for (const { owner } of values.values()) seen.set(owner, (seen.get(owner) ?? 0) + 1);
  /** The layout of an image that has its buffer for itself, and whole vectors of channels. */
  const ownImage = (name: string): Layout | undefined => {
    const value = values.get(name);
    if (value?.owner !== name || seen.get(name) !== 1) return undefined;
    const { layout } = value;
    return layout.kind === "image" && !layout.view && layout.stride === layout.c ? layout : undefined;
  };
  const isJoinable = (name: string): boolean => {
    const maker = makers.get(name);
    return ownImage(name) !== undefined && maker !== undefined && isImageStep(maker, plan);
  };

  const kept = steps.filter((step) => {
    if (step.node.op !== "Concat") return true;
    const { node, inputs, output } = step;
    const own = ownImage(output);
    if (own?.shape.length !== 4 || normalAxis(node, attrsOf<{ axis: number }>(node).axis, 4) !== 1)
      return true;
    // All channels have to be there: half a vector of one input would be written with the next one's.
    const channels = inputs.map((name) => shapeOf(plan, name)[1]);
    if (channels.some((count) => count % 8)) return true;
    const joined = [...new Set(inputs)].filter(isJoinable);
    const borders = [own, ...joined.map((name) => values.get(name)!.layout)].map(
      (layout) => layout.border,
    );
    const whole = layoutOf(own.shape, "image", widest(borders));
    values.set(output, { layout: whole, buffer: whole, owner: output });
    let channel = 0;
    for (const [i, name] of inputs.entries()) {
      const value = values.get(name);
      if (joined.includes(name) && value?.owner === name) {
        values.set(name, channelsOf(whole, value.layout, channel, output));
        seen.set(output, seen.get(output)! + 1);
      }
      channel += channels[i];
    }
    return inputs.length > joined.length;
  });
  return { ...arrangement, steps: kept, values };
}

/** The channels of `whole` from `first` on, as many as `part` has. */
function channelsOf(whole: Layout, part: Layout, first: number, owner: string): Arranged {
  const axes = whole.axes.map((axis, i) => (i === 1 ? [{ size: part.c, bytes: 4 }] : axis));
  const { shape, c, stride } = part;
  const layout = { ...whole, shape, axes, c, stride, origin: whole.origin + first * 4 };
  return { layout, buffer: whole, owner };
}

function widest(borders: readonly Border[]): Border {
  return {
    top: Math.max(...borders.map(({ top }) => top)),
    bottom: Math.max(...borders.map(({ bottom }) => bottom)),
    side: Math.max(...borders.map(({ side }) => side)),
  };
}
