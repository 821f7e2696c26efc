/** The geometry of a window that slides over one or two spatial dimensions: convolution and pooling. */
import type { Node } from "../model/graph.ts";
import type { Shape } from "../model/tensor.ts";
import { fail } from "./checks.ts";

/** One spatial dimension: where the window lies, with auto_pad and defaults resolved. */
export interface WindowAxis {
  readonly inputSize: number;
  readonly outputSize: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly padEnd: number; // as given: ceil_mode may let the last window reach past it
}

export interface WindowAttrs {
  readonly auto_pad: string;
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly pads?: readonly number[]; // [begin of each axis…, end of each axis…]
  readonly ceil_mode?: number;
}

/** Tap k of output o reads input `o * stride + k * dilation - padBegin`, for each spatial dimension of `inputShape`. */
export function windowAxes(
  node: Node,
  inputShape: Shape,
  kernelShape: Shape,
  attrs: WindowAttrs,
): WindowAxis[] {
  const axes = inputShape.length - 2;
  if (axes < 1 || axes > 2) {
    fail(node, `the input has shape [${inputShape}]; expected [N, C, W] or [N, C, H, W]`);
  }
  if (kernelShape.length !== axes) {
    fail(
      node,
      `the kernel [${kernelShape}] has ${kernelShape.length} sizes, the input ${axes} spatial dimensions`,
    );
  }
  const strides = listOf(node, "strides", attrs.strides, axes, 1, 1);
  const dilations = listOf(node, "dilations", attrs.dilations, axes, 1, 1);
  const pads = listOf(node, "pads", attrs.pads, 2 * axes, 0, 0);
  return kernelShape.map((kernel, axis) => {
    if (!(kernel >= 1))
      fail(node, `the kernel [${kernelShape}] has the size ${kernel}; sizes are at least 1`);
    const inputSize = inputShape[axis + 2];
    const stride = strides[axis];
    const dilation = dilations[axis];
    const reach = (kernel - 1) * dilation + 1; // input values from the first tap to the last
    let [padBegin, padEnd] = [pads[axis], pads[axis + axes]];
    let outputSize: number;
    if (attrs.auto_pad === "SAME_UPPER" || attrs.auto_pad === "SAME_LOWER") {
      outputSize = Math.ceil(inputSize / stride);
      const total = Math.max(0, (outputSize - 1) * stride + reach - inputSize);
      const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
      [padBegin, padEnd] = attrs.auto_pad === "SAME_UPPER" ? [less, more] : [more, less];
    } else {
      if (attrs.auto_pad === "VALID") padBegin = padEnd = 0;
      else if (attrs.auto_pad !== "NOTSET") fail(node, `auto_pad "${attrs.auto_pad}" is not known`);
      const steps = (inputSize + padBegin + padEnd - reach) / stride;
      outputSize = (attrs.ceil_mode ? Math.ceil(steps) : Math.floor(steps)) + 1;
      // ceil_mode never adds a window that would start in the padding behind the input.
      if (attrs.ceil_mode && (outputSize - 1) * stride >= inputSize + padBegin) outputSize--;
    }
    if (!(outputSize >= 1)) {
      fail(
        node,
        `a window of ${reach} does not fit ${inputSize} values padded by ${padBegin} and ${padEnd}`,
      );
    }
    return { inputSize, outputSize, kernel, stride, dilation, padBegin, padEnd };
  });
}

/** The axes as [y, x]: one spatial dimension becomes the x of an image of one row. */
export function asImage(axes: readonly WindowAxis[]): readonly [y: WindowAxis, x: WindowAxis] {
  return axes.length === 2 ? [axes[0], axes[1]] : [oneRow, axes[0]];
}

const oneRow: WindowAxis = {
  inputSize: 1,
  outputSize: 1,
  kernel: 1,
  stride: 1,
  dilation: 1,
  padBegin: 0,
  padEnd: 0,
};

/** The taps [first, end) of output `o` that read inside the input. */
export function tapsInside(axis: WindowAxis, o: number): [first: number, end: number] {
  const start = o * axis.stride - axis.padBegin;
  const first = Math.max(0, Math.ceil(-start / axis.dilation));
  const end = Math.min(axis.kernel, Math.ceil((axis.inputSize - start) / axis.dilation));
  return [first, Math.max(first, end)];
}

function listOf(
  node: Node,
  name: string,
  values: readonly number[] | undefined,
  length: number,
  fallback: number,
  least: number,
): readonly number[] {
  const list = values ?? new Array<number>(length).fill(fallback);
  if (list.length !== length)
    fail(node, `${name} [${list}] has ${list.length} values; expected ${length}`);
  for (const value of list) {
    if (!(value >= least && value <= 2 ** 24)) {
      fail(node, `${name} [${list}]: ${value} is not supported; expected ${least} to 2^24`);
    }
  }
  return list;
}
