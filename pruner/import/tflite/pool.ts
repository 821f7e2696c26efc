/** Pooling, and means over axes. */
import {
  constantInts,
  type FileNode,
  fail,
  imageAxes,
  type Layout,
  optionsOf,
  type TfliteReader,
} from "./reader.ts";
import { padsOf } from "./window.ts";

export const pooling = {
  MAX_POOL_2D: (node: FileNode, reader: TfliteReader): void => pool(node, reader, "MaxPool"),
  AVERAGE_POOL_2D: (node: FileNode, reader: TfliteReader): void => pool(node, reader, "AveragePool"),

  MEAN: (node: FileNode, reader: TfliteReader): void => reduce(node, reader, "ReduceMean"),
  SUM: (node: FileNode, reader: TfliteReader): void => reduce(node, reader, "ReduceSum"),
  REDUCE_MAX: (node: FileNode, reader: TfliteReader): void => reduce(node, reader, "ReduceMax"),
  REDUCE_MIN: (node: FileNode, reader: TfliteReader): void => reduce(node, reader, "ReduceMin"),
  REDUCE_PROD: (node: FileNode, reader: TfliteReader): void => reduce(node, reader, "ReduceProd"),

  /** Inputs: x, the axis. */
  ARG_MAX(node: FileNode, reader: TfliteReader): void {
    const [x] = node.inputs;
    const [axis] = constantInts(reader, node, 1, "the axis");
    reader.make(node, "plain", "ArgMax", [reader.valueOf(x, "plain")], { axis, keepdims: 0 });
  },
};

function reduce(node: FileNode, reader: TfliteReader, op: string): void {
  const [x] = node.inputs;
  const rank = reader.shapeOf(x).length;
  const given = constantInts(reader, node, 1, "the axes").map((a) => (a < 0 ? a + rank : a));
  if (given.some((axis) => !(axis >= 0 && axis < rank))) {
    fail(node, `the axes [${given}] do not fit ${rank} dimensions`);
  }
  const keepdims = optionsOf(node, "ReducerOptions").keepDims ? 1 : 0;
  // In the other order of an image what is left must come in the order of the file.
  const left = [0, 1, 2, 3].filter((axis) => !given.includes(axis));
  const places = left.map((axis) => imageAxes.indexOf(axis as 0));
  const stays = keepdims === 1 || places.every((place, i) => i === 0 || place > places[i - 1]);
  const layout: Layout = reader.layoutOf(x) === "image" && stays ? "image" : "plain";
  const axes = layout === "image" ? given.map((axis) => imageAxes.indexOf(axis as 0)) : given;
  const value = reader.valueOf(x, layout);
  const made = keepdims ? layout : "plain";
  if (layout === "image" && keepdims && op === "ReduceMean" && [...axes].sort().join() === "2,3") {
    reader.make(node, made, "GlobalAveragePool", [value]);
    return;
  }
  reader.make(node, made, op, [value], { axes, keepdims });
}

function pool(node: FileNode, reader: TfliteReader, op: "MaxPool" | "AveragePool"): void {
  const options = optionsOf(node, "Pool2DOptions");
  const [, height, width] = reader.shapeOf(node.inputs[0]);
  const kernel = [options.filterHeight, options.filterWidth] as const;
  const strides = [options.strideH, options.strideW] as const;
  const window = { size: [height, width], kernel, strides, dilations: [1, 1] } as const;
  const attrs = { kernel_shape: kernel, strides, pads: padsOf(node, options.padding, window) };
  const x = reader.valueOf(node.inputs[0], "image");
  reader.make(node, "image", op, [x], attrs, options.activation);
}
