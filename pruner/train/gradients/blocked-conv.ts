/**
 * Convolutions by ONNX Runtime's blocked kernels, which are two to three times as fast as its plain Conv on a CPU. It
 * takes them by itself only where the weights are constants; in training they change, so they are asked for by name.
 *
 *   value   [N, C / b, H, W, b], under the shape [N, C, H, W]     b channels are neighbours in memory: 16 or 8
 *   filter  [M / b, C / b, kH, kW, b of C, b of M];  [M / b, C, kH, kW, b] for fewer than b channels, unblocked
 *
 * The weight's gradient is such a convolution, too: images and channels change places, dy is the filter,
 *
 *   dw[c, m, tap] = sum over n, p of x[c, n, tap + p] dy[m, n, p]
 *
 * with the strides of the convolution as dilations, and its dilations as strides.
 */
import type { Shape } from "../../../runtime/model/tensor.ts";
import type { WindowAxis } from "../../../runtime/ops/window.ts";
import type { NodeContext } from "./rule.ts";

const domain = "com.microsoft.nchwc";

/** The operator that puts [N, C, H, W] in blocks. */
export const reorder = `${domain}:ReorderInput`;

/** Whether a convolution of `inputs` to `outputs` channels has a blocked form. */
export function hasBlocks({ channelBlock: b }: NodeContext, inputs: number, outputs: number): boolean {
  return b > 0 && outputs % b === 0 && (inputs % b === 0 || inputs < b);
}

/** [N, C, H, W] in blocks; as it is where there are fewer channels than one block has. */
export function toBlocks(c: NodeContext, x: string, channels: number): string {
  return channels < c.channelBlock ? x : c.emit(reorder, [x]);
}

/** Conv of a value in blocks with w [M, C, kH, kW]; the result is [N, M, oH, oW], not in blocks. */
export function blockedConv(
  c: NodeContext,
  blocks: string,
  w: string,
  [M, C, kH, kW]: Shape,
  attrs: { strides: number[]; dilations: number[]; pads: number[] },
  bias: readonly string[] = [],
  output?: string,
): string {
  const b = c.channelBlock;
  const few = C < b;
  const parts = few ? [M / b, b, C, kH, kW] : [M / b, b, C / b, b, kH, kW];
  const split = c.emit("Reshape", [w, c.ints(parts)]);
  const filter = c.emit("Transpose", [split], { perm: few ? [0, 2, 3, 4, 1] : [0, 2, 4, 5, 3, 1] });
  const shaped = c.emit("Reshape", [filter, c.ints([M, C, kH, kW])]);
  const y = c.emit(`${domain}:Conv`, [blocks, shaped, ...bias], {
    ...attrs,
    group: 1,
    kernel_shape: [kH, kW],
  });
  return c.emit(`${domain}:ReorderOutput`, [y], { channels: M }, output);
}

/** dw [M, C, kH, kW] from x [N, C, H, W] and dy [N, M, oH, oW] in blocks. N and M are multiples of the block. */
export function blockedWeightGradient(
  c: NodeContext,
  x: string,
  dyBlocks: string,
  [M, C]: Shape,
  [y, z]: readonly WindowAxis[],
): string {
  const b = c.channelBlock;
  const N = c.shapes[0][0];
  const [H, W] = [y, z].map(({ inputSize }) => inputSize);
  const [oH, oW] = [y, z].map(({ outputSize }) => outputSize);
  const dy = c.emit("Reshape", [dyBlocks, c.ints([N / b, b, M / b, oH * oW, b])]);
  const images = c.emit("Transpose", [dy], { perm: [2, 0, 3, 1, 4] });
  const filter = c.emit("Reshape", [images, c.ints([M, N, oH, oW])]);
  const channelsFirst = c.emit("Transpose", [x], { perm: [1, 0, 2, 3] });
  let input = c.emit(reorder, [channelsFirst]);
  // What the taps of all windows span; past it no window reaches. Zeros beforehand keep the kernel's quick path.
  const [[top, bottom], [left, right]] = [y, z].map((axis) => {
    const span = (axis.outputSize - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
    return [axis.padBegin, span - axis.inputSize - axis.padBegin];
  });
  if ([top, bottom, left, right].some((pad) => pad !== 0)) {
    const wide = c.emit("Reshape", [input, c.ints([(C * N) / b, H, W, b])]);
    const padded = c.emit("Pad", [wide, c.ints([0, top, left, 0, 0, bottom, right, 0])]);
    input = c.emit("Reshape", [padded, c.ints([C, N, H + top + bottom, W + left + right])]);
  }
  const dw = c.emit(`${domain}:Conv`, [input, filter], {
    group: 1,
    kernel_shape: [oH, oW],
    strides: [y.dilation, z.dilation],
    dilations: [y.stride, z.stride],
    pads: [0, 0, 0, 0],
  });
  const plain = c.emit(`${domain}:ReorderOutput`, [dw], { channels: M });
  return c.emit("Transpose", [plain], { perm: [1, 0, 2, 3] });
}
