/** Operators that move values and compute nothing, and means over axes. */
import type { Node } from "../../../runtime/model/graph.ts";
import { tensor } from "../../../runtime/model/tensor.ts";
import { fail, normalAxis } from "../../../runtime/ops/checks.ts";
import { padAmounts } from "../../../runtime/ops/pad.ts";
import { reduction } from "../../../runtime/ops/reduce.ts";
import { type SliceRange, sliceRanges } from "../../../runtime/ops/slice.ts";
import { commonLayout, operandOf } from "./elementwise.ts";
import { type Emitter, imageAxes, type Layout } from "./emitter.ts";

export const shapes = {
  Flatten: reshape,
  Reshape: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,

  Identity(node: Node, emitter: Emitter): void {
    const layout = emitter.layoutOf(node.inputs[0]);
    emitter.alias(node.outputs[0], layout, emitter.tensorOf(node.inputs[0], layout));
  },

  Transpose(node: Node, emitter: Emitter): void {
    const [x] = node.inputs;
    const rank = emitter.shapeOf(x).length;
    const reversed = Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
    const perm = (node.attrs.perm as readonly number[] | undefined) ?? reversed;
    const layout = emitter.layoutOf(x);
    const inFile = layout === "image" ? perm.map((axis) => placeOf(axis, layout)) : perm;
    const from = emitter.tensorOf(x, layout);
    if (inFile.every((axis, at) => axis === at)) {
      emitter.alias(node.outputs[0], "plain", from);
      return;
    }
    const y = emitter.define(node.outputs[0], "plain");
    emitter.add("TRANSPOSE", [from, emitter.ints(inFile)], y, { kind: "TransposeOptions" });
  },

  Concat(node: Node, emitter: Emitter): void {
    const layout = commonLayout(node.inputs, emitter);
    const inputs = node.inputs.map((value) => operandOf(value, layout, emitter));
    const rank = emitter.shapeOf(node.outputs[0]).length;
    const axis = placeOf(normalAxis(node, node.attrs.axis as number, rank), layout);
    const y = emitter.define(node.outputs[0], layout);
    emitter.add("CONCATENATION", inputs, y, { kind: "ConcatenationOptions", axis });
  },

  ReduceMean(node: Node, emitter: Emitter): void {
    const [x] = node.inputs;
    const { axes, keepdims } = reduction(node, emitter.shapeOf(x));
    const isImage = emitter.layoutOf(x) === "image" && (keepdims || axes.join() === "2,3");
    const layout: Layout = isImage ? "image" : "plain";
    const places = emitter.ints(axes.map((axis) => placeOf(axis, layout)));
    const y = emitter.define(node.outputs[0], keepdims ? layout : "plain");
    const options = { kind: "ReducerOptions", keepDims: keepdims ? 1 : 0 } as const;
    emitter.add("MEAN", [emitter.tensorOf(x, layout), places], y, options);
  },

  Slice(node: Node, emitter: Emitter): void {
    const [x, ...parameters] = node.inputs;
    const { mode = "constant" } = node.attrs;
    if (mode !== "constant") fail(node, `its mode "${mode}" cannot be written as TFLite`);
    const shape = emitter.shapeOf(x);
    const known = parameters.map((name) => {
      const value = name ? emitter.constantOf(name) : undefined;
      return value && { ...value, value };
    });
    const layout = emitter.layoutOf(x);
    const ranges = inFileOrder(sliceRanges(node, [{ dtype: "float32", shape }, ...known]), layout);
    if (ranges.some(({ step }) => step < 0)) fail(node, "backwards it cannot be written as TFLite");
    const from = emitter.tensorOf(x, layout);
    const y = emitter.define(node.outputs[0], layout);
    const ints = (of: (range: SliceRange) => number) => emitter.ints(ranges.map(of));
    const begin = ints(({ start }) => start);
    if (ranges.every(({ step }) => step === 1)) {
      emitter.add("SLICE", [from, begin, ints(({ size }) => size)], y, { kind: "SliceOptions" });
      return;
    }
    const end = ints(({ start, size, step }) => start + (size - 1) * step + 1);
    const steps = ints(({ step }) => step);
    emitter.add("STRIDED_SLICE", [from, begin, end, steps], y, { kind: "StridedSliceOptions" });
  },

  Pad(node: Node, emitter: Emitter): void {
    const [x, ...parameters] = node.inputs;
    const { mode = "constant" } = node.attrs;
    if (mode !== "constant") fail(node, `its mode "${mode}" cannot be written as TFLite`);
    const shape = emitter.shapeOf(x);
    const known = parameters.map((name) => {
      const value = name ? emitter.constantOf(name) : undefined;
      return value && { ...value, value };
    });
    const { begin, end, value } = padAmounts(node, [{ dtype: "float32", shape }, ...known]);
    if ([...begin, ...end].some((pad) => pad < 0)) fail(node, "cropping cannot be written as TFLite");
    const layout = emitter.layoutOf(x);
    const pairs = inFileOrder(
      begin.map((pad, axis) => [pad, end[axis]]),
      layout,
    );
    const pads = emitter.constant(tensor([shape.length, 2], Int32Array.from(pairs.flat()), "int32"));
    const from = emitter.tensorOf(x, layout);
    const y = emitter.define(node.outputs[0], layout);
    if (value === 0) {
      emitter.add("PAD", [from, pads], y, { kind: "PadOptions" });
      return;
    }
    const fill = emitter.constant(tensor([1], Float32Array.of(value)));
    emitter.add("PADV2", [from, pads, fill], y, { kind: "PadV2Options" });
  },
};

/** The same values in the same order, which an image with one pixel has in either layout. */
function reshape(node: Node, emitter: Emitter): void {
  const [x] = node.inputs;
  const [, , height, width] = emitter.shapeOf(x);
  const layout = emitter.layoutOf(x) === "image" && height * width === 1 ? "image" : "plain";
  const from = emitter.tensorOf(x, layout);
  const y = emitter.define(node.outputs[0], "plain");
  const newShape = [...emitter.shapeInFile(y)];
  const options = { kind: "ReshapeOptions", newShape } as const;
  emitter.add("RESHAPE", [from, emitter.ints(newShape)], y, options);
}

/** Where an axis of the Graph stands in the file. */
function placeOf(axis: number, layout: Layout): number {
  return layout === "image" ? imageAxes.indexOf(axis as 0 | 1 | 2 | 3) : axis;
}

function inFileOrder<T>(byAxis: readonly T[], layout: Layout): readonly T[] {
  return layout === "image" ? imageAxes.map((axis) => byAxis[axis]) : byAxis;
}
