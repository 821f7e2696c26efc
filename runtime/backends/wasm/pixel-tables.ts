/** Tables that convolutions, products and depthwise convolutions share: pixels, taps, biases. */
import type { WindowAxis } from "../../ops/window.ts";
import { pixelAt, roundUp8, rowOffsets } from "./layout.ts";
import type { Builder, Placed, Step } from "./step.ts";

/** Byte offset of each tap, ky * kW + kx, from the first. */
export function tapBytes(x: Placed, y_: WindowAxis, x_: WindowAxis): number[] {
  return Array.from(
    { length: y_.kernel * x_.kernel },
    (_, tap) =>
      Math.floor(tap / x_.kernel) * y_.dilation * x.rowBytes +
      (tap % x_.kernel) * x_.dilation * x.pixelBytes,
  );
}

/** Addresses of an operator's output pixels, and of the first tap that each reads. */
export interface Pixels {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly residual?: Int32Array;
}

export function slicePixels({ from, to, residual }: Pixels, first: number, end: number): Pixels {
  return {
    from: from.subarray(first, end),
    to: to.subarray(first, end),
    residual: residual?.subarray(first, end),
  };
}

export function imagePixels(x: Placed, out: Placed, y_: WindowAxis, x_: WindowAxis): Pixels {
  const from = new Int32Array(out.n * out.h * out.w);
  const to = new Int32Array(from.length);
  const step = x_.stride * x.pixelBytes;
  let at = 0;
  for (let n = 0; n < out.n; n++) {
    for (let oy = 0; oy < out.h; oy++) {
      let first = x.address + pixelAt(x, n, oy * y_.stride - y_.padBegin, -x_.padBegin);
      let pixel = out.address + pixelAt(out, n, oy, 0);
      for (const end = at + out.w; at < end; at++, first += step, pixel += out.pixelBytes) {
        from[at] = first;
        to[at] = pixel;
      }
    }
  }
  return { from, to };
}

/** The pixels of a layout one by one: rows of a matrix, or an image as it lies. */
export function everyPixel(value: Placed): Int32Array {
  if (value.kind === "rows") return rowOffsets(value).map((offset) => value.address + offset);
  const { n, h, w, pixelBytes, address } = value;
  const addresses = new Int32Array(n * h * w);
  for (let row = 0, at = 0; row < n * h; row++) {
    let pixel = address + pixelAt(value, Math.floor(row / h), row % h, 0);
    for (const end = at + w; at < end; at++, pixel += pixelBytes) addresses[at] = pixel;
  }
  return addresses;
}

export function residualPixels(step: Step, builder: Builder): Int32Array | undefined {
  return step.residual === undefined ? undefined : everyPixel(builder.value(step.residual));
}

/** Address of one bias an output, rounded up to 8 with zeros. */
export function bias(name: string | undefined, outputs: number, builder: Builder, factor = 1): number {
  const values = new Float32Array(roundUp8(outputs));
  if (name) {
    const { data } = builder.constant(name)!;
    for (let o = 0; o < outputs; o++) values[o] = factor * data[data.length === 1 ? 0 : o];
  }
  return builder.data(values);
}
