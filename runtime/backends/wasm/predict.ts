/**
 * What a way to store the weights of a Conv or Gemm costs to run, before anything is prepared: for tools that choose
 * a format.
 */
import { matrixOf, type SparseTensor } from "../../model/sparse/format.ts";
import { decodeWeight } from "../../model/sparse/index.ts";
import type { Tensor } from "../../model/tensor.ts";
import { candidatesOf, hasLooseZeros } from "./conv.ts";
import type { ConvWork } from "./conv-work.ts";
import { roundUp8 } from "./layout.ts";

/**
 * Cycles of one thread for so many output pixels (rows of a Gemm), by the kernel that is predicted to be the fastest.
 * `constant` is [outputs, inputs, ...taps], of one group.
 */
export function predictCycles(constant: Tensor | SparseTensor, pixels: number): number {
  const [outputs, inputs, taps] = matrixOf(constant.shape);
  const blocks = "format" in constant && constant.format === "block" ? constant : undefined;
  let data: Float32Array | undefined;
  const from = new Int32Array(pixels);
  const work = {
    weights: {
      ...{ outputs, inputs, taps, groups: 1, blocks },
      get data() {
        data ??= decodeWeight(constant).data;
        return data;
      },
    },
    pixels: { from, to: from },
    lanes: roundUp8(inputs),
    x: { stride: roundUp8(inputs) },
    // Predictions ask for weights, pixels and the stride; the rest is for binding, which never comes.
  } as unknown as ConvWork;
  return Math.min(...candidatesOf(work, hasLooseZeros(constant)).map(({ cycles }) => cycles));
}
