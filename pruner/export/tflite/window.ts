/** Paddings: TFLite knows SAME and VALID; all others are a PAD before a VALID window. */
import { tensor } from "../../../runtime/model/tensor.ts";
import type { WindowAxis } from "../../../runtime/ops/window.ts";
import { paddings } from "../../import/tflite/schema.ts";
import type { Emitter } from "./emitter.ts";

/**
 * The tensor to read, and the padding that goes with it. `x` is an image in the file's order; `fill` is what the
 * padding holds, and `explicit` asks for a PAD also where SAME would do.
 */
export function padded(
  emitter: Emitter,
  x: number,
  axes: readonly WindowAxis[],
  { fill = 0, explicit = false } = {},
): { input: number; padding: number } {
  const needed = axes.map(({ inputSize, outputSize, kernel, stride, dilation, padBegin, padEnd }) => {
    const end = (outputSize - 1) * stride + (kernel - 1) * dilation + 1 - inputSize - padBegin;
    return [padBegin, Math.max(padEnd, end)];
  });
  if (needed.every(([begin, end]) => begin === 0 && end === 0)) {
    return { input: x, padding: paddings.valid };
  }
  if (!explicit && axes.every(isSame)) return { input: x, padding: paddings.same };
  const [[top, bottom], [left, right]] = needed;
  const [n, h, w, c] = emitter.shapeInFile(x);
  const y = emitter.temporary([n, h + top + bottom, w + left + right, c]);
  const amounts = Int32Array.from([0, 0, top, bottom, left, right, 0, 0]);
  const pads = emitter.constant(tensor([4, 2], amounts, "int32"));
  if (fill === 0) {
    emitter.add("PAD", [x, pads], y, { kind: "PadOptions" });
  } else {
    const value = emitter.constant(tensor([1], Float32Array.of(fill)));
    emitter.add("PADV2", [x, pads, value], y, { kind: "PadV2Options" });
  }
  return { input: y, padding: paddings.valid };
}

/** Whether TFLite's SAME means the same padding: as little as keeps ceil(size / stride), the odd one at the end. */
function isSame({ inputSize, outputSize, kernel, stride, dilation, padBegin }: WindowAxis): boolean {
  const reach = (kernel - 1) * dilation + 1;
  const total = Math.max(0, (outputSize - 1) * stride + reach - inputSize);
  return outputSize === Math.ceil(inputSize / stride) && padBegin === Math.floor(total / 2);
}
