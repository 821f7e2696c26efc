/** Operators that move values and compute nothing. */
import { tensor } from "../../../runtime/model/tensor.ts";
import { commonLayout, operandOf } from "./elementwise.ts";
import {
  constantInts,
  type FileNode,
  fail,
  imageAxes,
  type Layout,
  optionsOf,
  placeOf,
  type TfliteReader,
} from "./reader.ts";
import { activations } from "./schema.ts";

export const shapes = {
  RESHAPE: reshape,
  SQUEEZE: reshape,
  EXPAND_DIMS: reshape,

  TRANSPOSE(node: FileNode, reader: TfliteReader): void {
    const [x] = node.inputs;
    const perm = constantInts(reader, node, 1, "the order");
    const layout = reader.layoutOf(x);
    // Axis a of the file is axis imageAxes.indexOf(a) of the image, which is what the new axis is taken from.
    const inGraph = layout === "image" ? perm.map((axis) => imageAxes.indexOf(axis as 0)) : perm;
    reader.make(node, "plain", "Transpose", [reader.valueOf(x, layout)], { perm: inGraph });
  },

  CONCATENATION(node: FileNode, reader: TfliteReader): void {
    const { axis, activation } = optionsOf(node, "ConcatenationOptions");
    const layout = commonLayout(node.inputs, reader);
    const inputs = node.inputs.map((place) => operandOf(place, layout, reader));
    const rank = reader.shapeOf(node.outputs[0]).length;
    const place = placeOf(axis < 0 ? axis + rank : axis, layout);
    reader.make(node, layout, "Concat", inputs, { axis: place }, activation);
  },

  PAD: (node: FileNode, reader: TfliteReader): void => pad(node, reader, 0),

  PADV2(node: FileNode, reader: TfliteReader): void {
    const value = node.inputs.length > 2 ? reader.constantOf(node.inputs[2]) : undefined;
    if (value?.data.length !== 1) fail(node, "the value (input 2) must be a constant number");
    pad(node, reader, value.data[0]);
  },

  MIRROR_PAD(node: FileNode, reader: TfliteReader): void {
    const { mode } = optionsOf(node, "MirrorPadOptions");
    if (mode !== 0) fail(node, `the mode ${mode} is not supported; expected 0, REFLECT`);
    pad(node, reader, 0, { mode: "reflect" });
  },

  SLICE(node: FileNode, reader: TfliteReader): void {
    const shape = reader.shapeOf(node.inputs[0]);
    const begin = constantInts(reader, node, 1, "the beginning");
    const size = constantInts(reader, node, 2, "the size");
    const end = begin.map((first, axis) => (size[axis] < 0 ? shape[axis] : first + size[axis]));
    slice(
      node,
      reader,
      begin,
      end,
      begin.map(() => 1),
    );
  },

  STRIDED_SLICE(node: FileNode, reader: TfliteReader): void {
    const options = optionsOf(node, "StridedSliceOptions");
    if (options.ellipsisMask || options.newAxisMask) {
      fail(node, "its ellipsis or new axes are not supported");
    }
    const shape = reader.shapeOf(node.inputs[0]);
    const given = constantInts(reader, node, 1, "the beginning");
    const last = constantInts(reader, node, 2, "the end");
    const steps = constantInts(reader, node, 3, "the steps");
    if (steps.some((step) => step < 1)) fail(node, `steps [${steps}] are supported from 1`);
    const isSet = (mask: number, axis: number) => (mask >> axis) & 1;
    const begin = given.map((first, axis) => (isSet(options.beginMask, axis) ? 0 : first));
    const end = last.map((behind, axis) => {
      if (isSet(options.shrinkAxisMask, axis)) return begin[axis] === -1 ? shape[axis] : begin[axis] + 1;
      return isSet(options.endMask, axis) ? shape[axis] : behind;
    });
    slice(node, reader, begin, end, steps);
  },
};

/** TFLite counts in the file's order, so an image is put in it first. */
function reshape(node: FileNode, reader: TfliteReader): void {
  const [place] = node.outputs;
  const shape = intsConstant(reader, `${node.name}/shape`, reader.shapeOf(place));
  reader.make(node, "plain", "Reshape", [reader.valueOf(node.inputs[0], "plain"), shape]);
}

function pad(
  node: FileNode,
  reader: TfliteReader,
  value: number,
  attrs: Readonly<Record<string, string>> = {},
): void {
  const pairs = constantInts(reader, node, 1, "the padding");
  const rank = reader.shapeOf(node.inputs[0]).length;
  if (pairs.length !== 2 * rank) fail(node, `[${pairs}] are not two numbers for each of ${rank} axes`);
  const layout = reader.layoutOf(node.inputs[0]);
  const axes = inGraphOrder(
    Array.from({ length: rank }, (_, axis) => axis),
    layout,
  );
  const pads = [0, 1].flatMap((side) => axes.map((axis) => pairs[2 * axis + side]));
  const inputs = [
    reader.valueOf(node.inputs[0], layout),
    intsConstant(reader, `${node.name}/pads`, pads),
  ];
  if (value) inputs.push(reader.addConstant(`${node.name}/value`, tensor([], Float32Array.of(value))));
  reader.make(node, layout, "Pad", inputs, attrs, activations.none);
}

/** A dimension that the file drops (shrinks) is dropped by a Reshape, in the file's order. */
function slice(
  node: FileNode,
  reader: TfliteReader,
  begin: readonly number[],
  end: readonly number[],
  steps: readonly number[],
): void {
  const [x] = node.inputs;
  const rank = reader.shapeOf(x).length;
  const [place] = node.outputs;
  const shape = reader.shapeOf(place);
  const layout: Layout = shape.length === rank ? reader.layoutOf(x) : "plain";
  const lists = [begin, end, begin.map((_, axis) => placeOf(axis, layout)), steps];
  const names = ["starts", "ends", "axes", "steps"];
  const inputs = lists.map((list, i) => intsConstant(reader, `${node.name}/${names[i]}`, list));
  reader.make(node, layout, "Slice", [reader.valueOf(x, layout), ...inputs]);
  if (shape.length === rank) return;
  const kept = reader.valueOf(place, "plain");
  const target = intsConstant(reader, `${node.name}/shape`, shape);
  reader.define(place, "plain", reader.add("Reshape", [kept, target], {}, `${node.name}/shrunk`));
}

function intsConstant(reader: TfliteReader, base: string, list: readonly number[]): string {
  return reader.addConstant(base, tensor([list.length], Int32Array.from(list), "int32"));
}

function inGraphOrder<T>(byAxis: readonly T[], layout: Layout): readonly T[] {
  return layout === "image" ? imageAxes.map((axis) => byAxis[axis]) : byAxis;
}
