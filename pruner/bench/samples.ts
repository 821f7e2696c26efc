/** Inputs of chance for timing. */
import type { Graph } from "../../runtime/model/graph.ts";
import { type Shape, sizeOf, tensor, zeros } from "../../runtime/model/tensor.ts";
import { random } from "../train/random.ts";
import type { Tensors } from "./engine.ts";

/** Different inputs that the calls take by turns. */
const sampleCount = 8;

/** Values in [0, 1); integers are zero. The sizes of the inputs have to be known. */
export function randomSamples({ inputs }: Graph, seed: number): Tensors[] {
  const uniform = random(seed);
  return Array.from({ length: sampleCount }, () => {
    const sample = inputs.map(({ name, dtype, shape }) => {
      const sizes = shape as Shape;
      if (dtype !== "float32") return [name, zeros(sizes, dtype)];
      return [name, tensor(sizes, Float32Array.from({ length: sizeOf(sizes) }, uniform))];
    });
    return Object.fromEntries(sample);
  });
}
