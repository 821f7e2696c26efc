/**
 * Which values are images and which are rows. Values that are added to, joined with or computed from one another
 * element by element lie alike: as images where a convolution, a pooling or the like has one of them, else as rows.
 */
import { sizeOf } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { bindingOf } from "./bindings.ts";
import { type Kind, type Layout, layoutOf } from "./layout.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Step } from "./step.ts";
import { viewOpOf } from "./views.ts";

export interface Kinds {
  kindOf(name: string): Kind;
  /** The layout of a constant that an operator reads as a value. */
  constantLayout(name: string): Layout;
}

export function kindsOf(plan: ExecutionPlan, steps: readonly Step[]): Kinds {
  const group = new Map<string, string>(); // towards the root of each value's group
  const rootOf = (name: string): string => {
    const next = group.get(name);
    return next === undefined || next === name ? name : rootOf(next);
  };
  const rankOf = (name: string) => shapeOf(plan, name).length;
  const alike = (a: string, b: string) => void group.set(rootOf(a), rootOf(b));
  const images = new Set<string>();
  const partners = new Map<string, string>(); // a value that each constant meets

  for (const step of steps) {
    const { node, inputs, output, residual } = step;
    const binding = bindingOf(node.op)!;
    if (residual !== undefined) alike(residual, output);
    if (isImageStep(step, plan)) images.add(inputs[0]).add(output);
    else if (!binding.newAxes && (!viewOpOf(node) || node.op === "Slice" || node.op === "Identity")) {
      for (const name of inputs) {
        if (plan.graph.constants.has(name)) partners.set(name, output);
        else if (rankOf(name) === rankOf(output)) alike(name, output);
      }
    }
  }
  const roots = new Set([...images].map(rootOf));
  const kindOf = (name: string): Kind => {
    const rank = rankOf(name);
    return (rank === 3 || rank === 4) && roots.has(rootOf(name)) ? "image" : "rows";
  };

  return {
    kindOf,
    constantLayout(name) {
      const shape = shapeOf(plan, name);
      const partner = partners.get(name);
      if (partner === undefined || kindOf(partner) === "rows") return layoutOf(shape, "rows");
      const missing = rankOf(partner) - shape.length;
      if (missing < 0 || sizeOf(shape) === 1) return layoutOf(shape, "rows");
      // Its channels are those of the image it is added to or multiplied by.
      const image = layoutOf([...new Array<number>(missing).fill(1), ...shape], "image");
      return { ...image, shape, axes: image.axes.slice(missing) };
    },
  };
}

/** Does the step take and make images? */
export function isImageStep({ node }: Step, plan: ExecutionPlan): boolean {
  const { images } = bindingOf(node.op)!;
  return typeof images === "function" ? images(node, plan) : images === true;
}
