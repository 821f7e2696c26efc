/** Operators that pool, resample, join, cut, turn or regroup values, and leave each channel a channel. */
import { type Shape, type Tensor, tensor } from "../../../runtime/model/tensor.ts";
import { padAmounts } from "../../../runtime/ops/pad.ts";
import { sliceRanges } from "../../../runtime/ops/slice.ts";
import type { ChannelRule, Channels, Flow } from "./rule.ts";

const unknown = Number.NaN;

/** Over places alone: of a channel that is the same everywhere the largest, the mean and any sample are that value. */
export const pool: ChannelRule = {
  follow(node, flow) {
    const x = flow.channelsOf(node.inputs[0]);
    if (x?.axis !== 1 || node.outputs.length > 1) return undefined;
    const countsZeros = node.op === "AveragePool" && node.attrs.count_include_pad === 1;
    return countsZeros ? { ...x, constants: x.constants.map((k) => (k === 0 ? 0 : unknown)) } : x;
  },
};

export const reduceMean: ChannelRule = {
  follow(node, flow) {
    const x = flow.channelsOf(node.inputs[0]);
    const { axes, keepdims = 1 } = node.attrs as { axes?: readonly number[]; keepdims?: number };
    if (!x || !axes?.length || node.inputs.length > 1) return undefined;
    const rank = flow.shapeOf(node.inputs[0]).length;
    const reduced = axes.map((axis) => (axis + rank) % rank);
    if (reduced.includes(x.axis)) return undefined;
    return keepdims ? x : { ...x, axis: x.axis - reduced.filter((axis) => axis < x.axis).length };
  },
};

export const resize: ChannelRule = {
  follow(node, flow) {
    const x = flow.channelsOf(node.inputs[0]);
    const [from, to] = [node.inputs[0], node.outputs[0]].map(flow.shapeOf);
    if (x?.axis !== 1 || from[1] !== to[1]) return undefined;
    const mixesIn = node.attrs.coordinate_transformation_mode === "tf_crop_and_resize";
    return mixesIn || node.attrs.mode === "cubic"
      ? { ...x, constants: x.constants.map(() => unknown) }
      : x;
  },

  cut(node, cut) {
    const sizes = cut.constant(node.inputs[3]);
    const axes = node.attrs.axes as readonly number[] | undefined;
    const place = axes ? axes.findIndex((axis) => axis === 1 || axis === -3) : 1;
    if (!sizes?.data.length || place < 0) return node;
    const kept = cut.kept(node.outputs[0])!.length;
    const name = cut.add(node.inputs[3], withEntry(sizes, place, kept));
    return { ...node, inputs: [...node.inputs.slice(0, 3), name] };
  },
};

export const pad: ChannelRule = {
  follow(node, flow) {
    const x = flow.channelsOf(node.inputs[0]);
    if (!x || (node.attrs.mode ?? "constant") !== "constant") return undefined;
    const { begin, end, value } = padAmounts(node, flow.inputsOf(node));
    if (begin[x.axis] !== 0 || end[x.axis] !== 0) return undefined;
    return { ...x, constants: x.constants.map((k) => (k === value ? k : unknown)) };
  },
};

export const concat: ChannelRule = {
  follow(node, flow) {
    const rank = flow.shapeOf(node.outputs[0]).length;
    const joined = (Number(node.attrs.axis) + rank) % rank;
    const parts = node.inputs.map((name) => flow.channelsOf(name));
    const axis = parts.find((part) => part)?.axis;
    if (axis === undefined || parts.some((part) => part && part.axis !== axis)) return undefined;
    if (joined !== axis) return besideEachOther(parts, axis, flow);
    const all = parts.map((part, i): Channels => {
      if (part) return part;
      const count = flow.shapeOf(node.inputs[i])[axis];
      const classes = flow.fresh(count);
      flow.hold(classes);
      return { axis, classes, constants: new Float64Array(count).fill(unknown) };
    });
    return {
      axis,
      classes: Int32Array.from(all.flatMap(({ classes }) => [...classes])),
      constants: Float64Array.from(all.flatMap(({ constants }) => [...constants])),
    };
  },
};

/** Joined along another axis: the same channel of all parts is one. */
function besideEachOther(
  parts: readonly (Channels | undefined)[],
  axis: number,
  flow: Flow,
): Channels | undefined {
  const [first] = parts;
  if (!first || parts.includes(undefined)) return undefined;
  for (const part of parts) flow.join(first.classes, part!.classes);
  const isSame = (k: number, c: number) => parts.every((part) => part!.constants[c] === k);
  return { ...first, axis, constants: first.constants.map((k, c) => (isSame(k, c) ? k : unknown)) };
}

export const transpose: ChannelRule = {
  follow(node, flow) {
    const x = flow.channelsOf(node.inputs[0]);
    if (!x) return undefined;
    const rank = flow.shapeOf(node.inputs[0]).length;
    const perm = node.attrs.perm as readonly number[] | undefined;
    return { ...x, axis: perm ? perm.indexOf(x.axis) : rank - 1 - x.axis };
  },
};

export const slice: ChannelRule = {
  follow(node, flow) {
    const x = flow.channelsOf(node.inputs[0]);
    if (!x) return undefined;
    const { start, step, size } = sliceRanges(node, flow.inputsOf(node))[x.axis];
    if (step !== 1) return undefined;
    return {
      axis: x.axis,
      classes: x.classes.subarray(start, start + size),
      constants: x.constants.subarray(start, start + size),
    };
  },

  cut(node, cut) {
    const [x, startsName, endsName, axesName] = node.inputs;
    const shape = cut.shapeOf(x);
    const [starts, ends] = [cut.constant(startsName)!, cut.constant(endsName)!];
    const { axis } = cut.channelsOf(x)!;
    const axes = cut.constant(axesName)?.data ?? Int32Array.from(starts.data.keys());
    const place = Array.from(axes).findIndex((at) => (at + shape.length) % shape.length === axis);
    if (place < 0) return node;
    const size = shape[axis];
    const inside = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
    const kept = cut.kept(x) ?? Int32Array.from({ length: size }, (_, c) => c);
    const before = (at: number) => kept.filter((c) => c < inside(at)).length;
    const moved = [starts, ends].map((value) => withEntry(value, place, before(value.data[place])));
    const names = [cut.add(startsName, moved[0]), cut.add(endsName, moved[1])];
    return { ...node, inputs: [x, ...names, ...node.inputs.slice(3)] };
  },
};

/** Reshape, Flatten, Squeeze and Unsqueeze: the channel axis as it is, or run together with all behind it. */
export const regroup: ChannelRule = {
  follow(node, flow) {
    const x = flow.channelsOf(node.inputs[0]);
    if (!x) return undefined;
    const [from, to] = [node.inputs[0], node.outputs[0]].map(flow.shapeOf);
    const axis = regrouped(from, to, x.axis);
    if (axis === undefined) return undefined;
    const times = to[axis] / from[x.axis];
    if (times === 1) return { ...x, axis };
    return {
      axis,
      classes: Int32Array.from({ length: to[axis] }, (_, i) => x.classes[Math.floor(i / times)]),
      constants: Float64Array.from({ length: to[axis] }, (_, i) => x.constants[Math.floor(i / times)]),
    };
  },

  cut(node, cut) {
    const target = cut.constant(node.inputs[1]);
    const [y] = node.outputs;
    const { axis } = cut.channelsOf(y)!;
    if (node.op !== "Reshape" || !target || target.data[axis] === -1) return node;
    const name = cut.add(node.inputs[1], withEntry(target, axis, cut.kept(y)!.length));
    return { ...node, inputs: [node.inputs[0], name] };
  },
};

/** Where the channels of `axis` are after a regrouping: alone on an axis, or with all that was behind them. */
function regrouped(from: Shape, to: Shape, axis: number): number | undefined {
  const product = (sizes: Shape) => sizes.reduce((a, b) => a * b, 1);
  const before = product(from.slice(0, axis));
  const inner = product(from.slice(axis + 1));
  const places = to.map((_, at) => at).filter((at) => product(to.slice(0, at)) === before);
  const alone = places.find((at) => to[at] === from[axis]);
  return alone ?? places.find((at) => to[at] === from[axis] * inner);
}

/** A constant with another number in one place. */
function withEntry(value: Tensor, place: number, number: number): Tensor {
  const data = Int32Array.from(value.data);
  data[place] = number;
  return tensor(value.shape, data, "int32");
}
