/**
 * A Concat needs no copy of an input that is written straight into its place. Of images along their channels, an
 * input's pixels are then the first, or next, channels of the result's pixels; of rows along their first axis that is
 * not 1, an input's rows are the first, or next, rows of the result.
 */
import { normalAxis } from "../../ops/checks.ts";
import type { Arranged, Arrangement } from "./arrange.ts";
import { isImageStep } from "./kinds.ts";
import { axisBytes, type Border, type Layout, layoutOf } from "./layout.ts";
import { attrsOf, shapeOf } from "./plan-facts.ts";

/** The arrangement with such inputs in the buffers of their Concats; a Concat of nothing else is no step any more. */
export function joinConcats(arrangement: Arrangement): Arrangement {
  const { plan, steps } = arrangement;
  const values = new Map(arrangement.values);
  const makers = new Map(steps.map((step) => [step.output, step]));
  const members = new Map<string, string[]>(); // values by the owner of their buffer
  for (const [name, { owner }] of values) members.set(owner, [...(members.get(owner) ?? []), name]);
  const move = (name: string, owner: string, arranged: Omit<Arranged, "owner">) => {
    values.set(name, { ...arranged, owner });
    members.get(owner)!.push(name);
  };
  const isMade = (name: string) => makers.has(values.get(name)!.owner);
  /** The layout of an image that has its buffer for itself, and whole vectors of channels. */
  const ownImage = (name: string): Layout | undefined => {
    const value = values.get(name);
    if (value?.owner !== name || members.get(name)!.length > 1) return undefined;
    const { layout } = value;
    return layout.kind === "image" && !layout.view && layout.stride === layout.c ? layout : undefined;
  };
  /** The layout of rows that are all there is in their buffer, under whatever shapes. */
  const ownRows = (name: string): Layout | undefined => {
    const value = values.get(name);
    if (!value) return undefined; // a constant
    const { layout, buffer, owner } = value;
    const fills = layout.kind === "rows" && !layout.view && layout.bytes === buffer.bytes;
    const isRows = (member: string) => {
      const { kind, view } = values.get(member)!.layout;
      return kind === "rows" || view;
    };
    return fills && members.get(owner)!.every(isRows) ? layout : undefined;
  };

  const joinImages = (output: string, inputs: readonly string[]): number => {
    const joined = [...new Set(inputs)].filter(
      (name) => ownImage(name) && isMade(name) && isImageStep(makers.get(name)!, plan),
    );
    const borders = [output, ...joined].map((name) => values.get(name)!.layout.border);
    const whole = layoutOf(shapeOf(plan, output), "image", widest(borders));
    values.set(output, { layout: whole, buffer: whole, owner: output });
    let channel = 0;
    for (const name of inputs) {
      const value = values.get(name);
      if (joined.includes(name) && value?.owner === name)
        move(name, output, { layout: channelsOf(whole, value.layout, channel), buffer: whole });
      channel += shapeOf(plan, name)[1];
    }
    return joined.length;
  };
  const joinRows = (output: string, inputs: readonly string[], axis: number): number => {
    const { buffer, layout, owner } = values.get(output)!;
    const bytes = axisBytes(layout)[axis];
    let joined = 0;
    let first = layout.origin;
    for (const name of inputs) {
      if (ownRows(name) && isMade(name) && values.get(name)!.owner !== owner) {
        for (const member of members.get(values.get(name)!.owner)!) {
          const { layout } = values.get(member)!;
          const moved = { ...layout, origin: layout.origin + first, bytes: buffer.bytes };
          move(member, owner, { layout: moved, buffer });
        }
        joined++;
      }
      first += shapeOf(plan, name)[axis] * bytes;
    }
    return joined;
  };

  const kept = steps.filter(({ node, inputs, output }) => {
    if (node.op !== "Concat") return true;
    const shape = shapeOf(plan, output);
    const axis = normalAxis(node, attrsOf<{ axis: number }>(node).axis, shape.length);
    if (ownRows(output)) {
      const isInOrder = axis < shape.length - 1 && shape.slice(0, axis).every((size) => size === 1);
      return !isInOrder || joinRows(output, inputs, axis) < inputs.length;
    }
    // Half a vector of one input would be written with the next one's.
    const areWhole = inputs.every((name) => shapeOf(plan, name)[1] % 8 === 0);
    if (!ownImage(output) || shape.length !== 4 || axis !== 1 || !areWhole) return true;
    return joinImages(output, inputs) < inputs.length;
  });
  return { ...arrangement, steps: kept, values };
}

/** The channels of `whole` from `first` on, as many as `part` has. */
function channelsOf(whole: Layout, part: Layout, first: number): Layout {
  const { shape, c, stride } = part;
  const axes = axisBytes(whole).map((bytes, i) => [{ size: shape[i], bytes }]);
  return { ...whole, shape, axes, c, stride, origin: whole.origin + first * 4 };
}

function widest(borders: readonly Border[]): Border {
  return {
    top: Math.max(...borders.map(({ top }) => top)),
    bottom: Math.max(...borders.map(({ bottom }) => bottom)),
    side: Math.max(...borders.map(({ side }) => side)),
  };
}
