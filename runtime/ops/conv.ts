/**
 * Conv: y[n, m, o] = bias[m] + sum over c, taps k of w[m, c, k] x[n, group of m, c, o * stride + k * dilation - pad].
 * x [N, C, (H,) W], w [M, C / group, (kH,) kW], bias [M]; values outside x count as 0.
 */
import type { Node } from "../model/graph.ts";
import { type Shape, zeros } from "../model/tensor.ts";
import { readAttrs } from "./attributes.ts";
import { fail, given, input, optionalInput } from "./checks.ts";
import type { AttrSpec, Operator } from "./operator.ts";
import { asImage, tapsInside, type WindowAxis, windowAxes } from "./window.ts";

const attrs = {
  auto_pad: { type: "string", default: "NOTSET" },
  strides: { type: "ints" },
  dilations: { type: "ints" },
  pads: { type: "ints" },
  kernel_shape: { type: "ints" },
  group: { type: "int", default: 1 },
} as const satisfies Record<string, AttrSpec>;

export const Conv = {
  inputs: [2, 3],
  attrs,

  infer(node, inputs) {
    const x = input(node, inputs, 0, "the input");
    const w = input(node, inputs, 1, "the weight");
    const bias = optionalInput(node, inputs, 2, "the bias");
    const { group } = readAttrs(node, attrs);
    const { axes } = convGeometry(node, x.shape, w.shape);
    const [outC, groupC] = w.shape;
    if (group < 1 || groupC * group !== x.shape[1] || outC % group !== 0) {
      fail(
        node,
        `the weight [${w.shape}] in ${group} groups does not fit the input [${x.shape}]: expected C = ${groupC * group} and M a multiple of the groups`,
      );
    }
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outC)) {
      fail(node, `the bias has shape [${bias.shape}]; expected [${outC}]`);
    }
    return [{ dtype: "float32", shape: [x.shape[0], outC, ...axes.map((axis) => axis.outputSize)] }];
  },

  reference(node, inputs, [output]) {
    const x = given(inputs, 0);
    const w = given(inputs, 1);
    const bias = inputs[2]?.data;
    const { group, axes } = convGeometry(node, x.shape, w.shape);
    const [ay, ax] = asImage(axes);
    const [batch, inC] = x.shape;
    const [outC, groupC] = w.shape;
    const outPerGroup = outC / group;
    const y = zeros(output.shape);
    for (let n = 0, at = 0; n < batch; n++) {
      for (let m = 0; m < outC; m++) {
        const firstC = Math.floor(m / outPerGroup) * groupC;
        for (let oy = 0; oy < ay.outputSize; oy++) {
          const [kyFirst, kyEnd] = tapsInside(ay, oy);
          for (let ox = 0; ox < ax.outputSize; ox++, at++) {
            const [kxFirst, kxEnd] = tapsInside(ax, ox);
            let sum = bias ? bias[m] : 0;
            for (let c = 0; c < groupC; c++) {
              const plane = (n * inC + firstC + c) * ay.inputSize;
              for (let ky = kyFirst; ky < kyEnd; ky++) {
                const iy = oy * ay.stride + ky * ay.dilation - ay.padBegin;
                let xAt =
                  (plane + iy) * ax.inputSize + ox * ax.stride - ax.padBegin + kxFirst * ax.dilation;
                let wAt = ((m * groupC + c) * ay.kernel + ky) * ax.kernel + kxFirst;
                for (let kx = kxFirst; kx < kxEnd; kx++, xAt += ax.dilation)
                  sum += w.data[wAt++] * x.data[xAt];
              }
            }
            y.data[at] = sum;
          }
        }
      }
    }
    return [y];
  },
} satisfies Operator;

export interface ConvGeometry {
  readonly group: number;
  readonly axes: readonly WindowAxis[]; // [W] or [H, W], with pads and auto_pad resolved
}

/** Everything about a Conv that is not its channels: for `infer`, and for the backends. */
export function convGeometry(node: Node, xShape: Shape, wShape: Shape): ConvGeometry {
  const values = readAttrs(node, attrs);
  if (wShape.length !== xShape.length || wShape.length < 3) {
    fail(node, `the weight [${wShape}] and the input [${xShape}] must have the same rank, 3 or 4`);
  }
  const kernel = wShape.slice(2);
  if (values.kernel_shape && values.kernel_shape.join() !== kernel.join()) {
    fail(node, `kernel_shape [${values.kernel_shape}] does not fit the weight [${wShape}]`);
  }
  return { group: values.group, axes: windowAxes(node, xShape, kernel, values) };
}
