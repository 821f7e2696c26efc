/** TFLite's paddings as explicit pads. */
import { type FileNode, fail } from "./reader.ts";
import { paddings } from "./schema.ts";

export interface FileWindow {
  readonly size: readonly [height: number, width: number]; // of the image
  readonly kernel: readonly [height: number, width: number];
  readonly strides: readonly [height: number, width: number];
  readonly dilations: readonly [height: number, width: number];
}

/** ONNX's pads. SAME: as little as keeps ceil(size / stride), the odd one at the end. */
export function padsOf(
  node: FileNode,
  padding: number,
  { size, kernel, strides, dilations }: FileWindow,
): number[] {
  if (strides.some((stride) => stride < 1) || dilations.some((dilation) => dilation < 1)) {
    fail(node, `strides [${strides}] or dilations [${dilations}] are not at least 1`);
  }
  if (padding === paddings.valid) return [0, 0, 0, 0];
  if (padding !== paddings.same) fail(node, `the padding ${padding} is not known`);
  const totals = size.map((pixels, axis) => {
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    const outputs = Math.ceil(pixels / strides[axis]);
    return Math.max(0, (outputs - 1) * strides[axis] + reach - pixels);
  });
  return [
    ...totals.map((total) => Math.floor(total / 2)),
    ...totals.map((total) => Math.ceil(total / 2)),
  ];
}
