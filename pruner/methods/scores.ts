/** What blocks are worth before any training. */
import { ModelError } from "../../runtime/model/errors.ts";
import { matrixOf } from "../../runtime/model/sparse/format.ts";
import { blockRms } from "../pattern.ts";
import type { MaskStart, PrunableWeight } from "./method.ts";

/**
 * By weight: 0 ("constant"), or the root mean square of each block ("magnitude"), or that over its layer's ("norm",
 * "log-norm"); of w or, as Wanda has it (arXiv 2306.11695), of w times the root mean square of its input
 * ("norm-activation").
 */
export function blockScores(weights: readonly PrunableWeight[], start: MaskStart): Float64Array[] {
  return weights.map((weight) => {
    const { blocks } = weight;
    if (start === "constant") return new Float64Array(blocks.count);
    const values = start === "norm-activation" ? timesActivation(weight) : weight.value.data;
    const rms = blockRms(blocks, values);
    if (start === "magnitude") return rms;
    let sum = 0;
    for (let e = 0; e < values.length; e++) sum += values[e] * values[e];
    const layerRms = Math.sqrt(sum / values.length);
    return rms.map((value) => (layerRms > 0 ? value / layerRms : 0));
  });
}

function timesActivation({ name, value: { shape, data }, activation }: PrunableWeight): Float64Array {
  const [outputs, inputs, taps] = matrixOf(shape);
  if (!activation) {
    throw new ModelError(`the start norm-activation needs the activations that '${name}' reads`);
  }
  const products = new Float64Array(data.length);
  for (let o = 0, e = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let tap = 0; tap < taps; tap++, e++) products[e] = data[e] * activation[i];
    }
  }
  return products;
}

/** Mean 0 and deviation 1; all 0 where they are equal. */
export function standardised(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const deviation = Math.sqrt(variance);
  return values.map((value) => (deviation > 0 ? (value - mean) / deviation : 0));
}
