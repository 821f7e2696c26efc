/** Random truth values. */
import type { Shape, Tensor } from "../../../runtime/model/tensor.ts";
import { randomTensor } from "../../random.ts";

export function randomBools(shape: Shape, seed: number): Tensor {
  const data = Uint8Array.from(randomTensor(shape, seed).data, (value) => +(value > 0));
  return { dtype: "bool", shape, data };
}

/** Whole numbers from `low` up to, not including, `high`. */
export function randomInts(shape: Shape, seed: number, low: number, high: number): Tensor {
  const data = Int32Array.from(randomTensor(shape, seed, low, high).data, Math.floor);
  return { dtype: "int32", shape, data };
}
