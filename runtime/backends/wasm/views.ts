/**
 * Operators that only rename values or leave some out: their result can be a view of their input's buffer, and,
 * where nothing is left out, their input a view of their result's.
 */
import type { Node } from "../../model/graph.ts";
import type { Shape } from "../../model/tensor.ts";
import { type SliceRange, sliceRanges } from "../../ops/slice.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { type Axis, type Factor, type Layout, layoutOf, noBorder, roundUp8 } from "./layout.ts";
import { attrsOf, inputsOf, shapeOf } from "./plan-facts.ts";

/** Where the elements of a value lie in a buffer. */
export interface Walk {
  readonly axes: readonly Axis[];
  readonly origin: number;
}

type Through = (node: Node, plan: ExecutionPlan, walk: Walk) => Walk | undefined;

interface ViewOp {
  readonly forward: Through; // from the input's walk to the output's
  readonly back?: Through; // from the output's to the input's, where the output has all elements
}

const reshape: ViewOp = {
  forward: (node, plan, walk) => regroup(walk, shapeOf(plan, node.outputs[0])),
  back: (node, plan, walk) => regroup(walk, shapeOf(plan, node.inputs[0])),
};

const viewOps: Readonly<Record<string, ViewOp>> = {
  Flatten: reshape,
  Identity: reshape,
  Reshape: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Slice: {
    forward(node, plan, walk) {
      const ranges = sliceRanges(node, inputsOf(node, plan));
      const cuts = walk.axes.map((axis, i) => cut(axis, ranges[i]));
      if (cuts.includes(undefined)) return undefined;
      return {
        axes: cuts.map((part) => part!.axis),
        origin: cuts.reduce((at, part) => at + part!.offset, walk.origin),
      };
    },
  },
  Transpose: {
    forward(node, plan, { axes, origin }) {
      return { axes: permutation(node, plan).map((axis) => axes[axis]), origin };
    },
    back(node, plan, { axes, origin }) {
      const own: Axis[] = [];
      permutation(node, plan).forEach((axis, i) => {
        own[axis] = axes[i];
      });
      return { axes: own, origin };
    },
  },
};

/** How a node's output can be seen in its input's buffer, or undefined where it computes something. */
export const viewOpOf = (node: Node): ViewOp | undefined =>
  Object.hasOwn(viewOps, node.op) ? viewOps[node.op] : undefined;

/** A Transpose's input axis for each output axis. */
export function permutation(node: Node, plan: ExecutionPlan): readonly number[] {
  const { length } = shapeOf(plan, node.inputs[0]);
  const { perm } = attrsOf<{ perm?: readonly number[] }>(node);
  return perm ?? Array.from({ length }, (_, axis) => length - 1 - axis);
}

/** The layout of a value of this shape that lies in `buffer` as `walk` says. */
export function viewOf(buffer: Layout, shape: Shape, walk: Walk): Layout {
  const c = shape.length ? shape[shape.length - 1] : 1;
  const rows = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  // The lanes behind the last channel of the buffer are free; those behind another belong to somebody.
  const first = ((walk.origin - buffer.origin) % buffer.pixelBytes) / 4;
  const stride = first + c === buffer.c ? buffer.stride - first : c;
  return {
    ...layoutOf(shape, "rows", noBorder, stride),
    axes: walk.axes,
    n: rows,
    origin: walk.origin,
    bytes: buffer.bytes,
    view: true,
  };
}

/** Do both walk the same elements? */
export function sameWalk(a: Walk, b: Walk): boolean {
  return a.origin === b.origin && a.axes.length === b.axes.length && a.axes.every(sameLoops, b);
}

function sameLoops(this: Walk, axis: Axis, i: number): boolean {
  const [ours, theirs] = [join(axis), join(this.axes[i])];
  if (ours.length !== theirs.length) return false;
  return ours.every(({ size, bytes }, j) => size === theirs[j].size && bytes === theirs[j].bytes);
}

/** Can rows be read one by one, each with its elements side by side? */
export function hasRows({ axes }: Pick<Layout, "axes">): boolean {
  const last = join(axes[axes.length - 1] ?? []);
  return last.length === 0 || (last.length === 1 && last[0].bytes === 4);
}

/** Can kernels that write 8 lanes at a time write these rows? */
export function hasWholeRows(layout: Layout): boolean {
  return hasRows(layout) && layout.stride >= roundUp8(layout.c);
}

/** The same elements, in row-major order, under another shape. */
function regroup(walk: Walk, shape: Shape): Walk | undefined {
  const loops = join(walk.axes.flat()).reverse(); // the outermost is the last
  const axes: Axis[] = [];
  for (const size of shape) {
    const axis: Factor[] = [];
    for (let left = size; left > 1; ) {
      const loop = loops.pop()!;
      if (left % loop.size === 0) {
        axis.push(loop);
        left /= loop.size;
      } else if (loop.size % left === 0) {
        const inner = loop.size / left;
        axis.push({ size: left, bytes: loop.bytes * inner });
        loops.push({ size: inner, bytes: loop.bytes });
        left = 1;
      } else return undefined;
    }
    axes.push(axis);
  }
  return { axes, origin: walk.origin };
}

/** Loops of size 1 dropped, neighbours that are one loop joined. */
function join(loops: readonly Factor[]): Factor[] {
  const joined: Factor[] = [];
  for (const loop of loops) {
    if (loop.size === 1) continue;
    const outer = joined[joined.length - 1];
    if (outer && outer.bytes === loop.size * loop.bytes) {
      joined[joined.length - 1] = { size: outer.size * loop.size, bytes: loop.bytes };
    } else joined.push(loop);
  }
  return joined;
}

/** Part of an axis, and how far from the axis' start it begins. Undefined where a loop would have to be cut open. */
export function cut(
  axis: Axis,
  { start, step, size }: SliceRange,
): { axis: Axis; offset: number } | undefined {
  const [outer, ...inner] = join(axis);
  if (!outer) return { axis: [], offset: 0 };
  if (inner.length === 0) {
    return { axis: [{ size, bytes: outer.bytes * step }], offset: start * outer.bytes };
  }
  const block = inner.reduce((product, loop) => product * loop.size, 1);
  if (size === 1) {
    const rest = cut(inner, { start: start % block, step: 1, size: 1 });
    return rest && { axis: [], offset: Math.floor(start / block) * outer.bytes + rest.offset };
  }
  if (step !== 1 || start % block || size % block) return undefined;
  const head: Factor = { size: size / block, bytes: outer.bytes };
  return { axis: [head, ...inner], offset: (start / block) * outer.bytes };
}
