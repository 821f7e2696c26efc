/** Seeded random tensors: the same seed gives the same values. */
import { random } from "../pruner/train/random.ts";
import { type Shape, sizeOf, type Tensor, tensor } from "../runtime/model/tensor.ts";

export { random };

/** Values in [low, high), uniform. */
export function randomTensor(shape: Shape, seed: number, low = -1, high = 1): Tensor<"float32"> {
  const uniform = random(seed);
  return tensor(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * uniform()),
  );
}
