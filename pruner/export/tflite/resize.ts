/** Resize of an image as RESIZE_BILINEAR or RESIZE_NEAREST_NEIGHBOR. */
import type { Node } from "../../../runtime/model/graph.ts";
import { fail } from "../../../runtime/ops/checks.ts";
import type { Emitter } from "./emitter.ts";

export function Resize(node: Node, emitter: Emitter): void {
  const [x, , scales] = node.inputs;
  const shape = emitter.shapeOf(x);
  const resized = emitter.shapeOf(node.outputs[0]);
  if (shape.length !== 4 || shape[0] !== resized[0] || shape[1] !== resized[1]) {
    fail(
      node,
      `only height and width of an image can be resized in TFLite, not [${shape}] to [${resized}]`,
    );
  }
  // TFLite knows no factor beside new size / old size.
  const factors = scales ? emitter.constantOf(scales) : undefined;
  if (factors?.data.length === 4 && shape.some((size, i) => size * factors.data[i] !== resized[i])) {
    fail(node, `the factors [${factors.data}] do not give whole sizes`);
  }
  const {
    mode = "nearest",
    coordinate_transformation_mode: coordinates = "half_pixel",
    nearest_mode: rounding = "round_prefer_floor",
  } = node.attrs as Record<string, string>;
  const from = emitter.tensorOf(x, "image");
  const size = emitter.ints(resized.slice(2));
  if (mode === "linear" && ["half_pixel", "align_corners", "asymmetric"].includes(coordinates)) {
    const options = {
      kind: "ResizeBilinearOptions",
      alignCorners: coordinates === "align_corners" ? 1 : 0,
      halfPixelCenters: coordinates === "half_pixel" ? 1 : 0,
    } as const;
    emitter.add("RESIZE_BILINEAR", [from, size], emitter.define(node.outputs[0], "image"), options);
    return;
  }
  const isWhole = shape.every((old, axis) => resized[axis] % old === 0);
  const takesCorner = coordinates === "asymmetric" && rounding === "floor";
  // By a whole factor the centre of a new pixel is never between two old ones, and lies where its corner does.
  const takesCentre = coordinates === "half_pixel" && rounding.startsWith("round") && isWhole;
  if (mode !== "nearest" || !(takesCorner || takesCentre)) {
    fail(node, `mode "${mode}", "${coordinates}", "${rounding}" cannot be written as TFLite`);
  }
  const y = emitter.define(node.outputs[0], "image");
  const options = { kind: "ResizeNearestNeighborOptions" } as const;
  emitter.add("RESIZE_NEAREST_NEIGHBOR", [from, size], y, options);
}
