/** What neighbouring outputs share of a weight's nonzeros, and how to make it less. */
import { type Tensor, tensor } from "../../../runtime/model/tensor.ts";

/** From so much on XNNPACK takes two or four outputs together, for which its WebAssembly build has no SIMD. */
const shared = 0.9;

/** Of pairs that share all, n nonzeros and x more, (n + x) / (n / 2 + x) is below 2 * 0.9 from x = n / 8 on. */
const mostAdded = 0.13;

/** So small that no sum of a trained network changes, so large that no product is a denormal number. */
const nextToNothing = 1e-30;

/**
 * A weight [outputs, inputs, 1, 1] with as many zeros replaced by next to nothing, each in one of two neighbours only,
 * as leave the outputs few enough nonzeros in common: an eighth of the nonzeros at most. The weight itself where that
 * is so already, or where there are too few zeros for it.
 */
export function unshared(weight: Tensor<"float32">): Tensor<"float32"> {
  if (!isShared(weight)) return weight;
  const [outputs, inputs] = weight.shape;
  const data = weight.data.slice();
  const nonzeros = data.reduce((count, value) => count + (value === 0 ? 0 : 1), 0);
  const wanted = Math.ceil(mostAdded * nonzeros);
  let added = 0;
  for (let row = 0; row + 1 < outputs; row += 2) {
    for (let col = 0; col < inputs && added < wanted; col++) {
      if (data[row * inputs + col] !== 0 || data[(row + 1) * inputs + col] !== 0) continue;
      data[row * inputs + col] = nextToNothing;
      added++;
    }
  }
  const result = tensor(weight.shape, data);
  return isShared(result) ? weight : result;
}

function isShared(weight: Tensor<"float32">): boolean {
  return [2, 4].some((outputs) => sharing(weight, outputs) >= shared);
}

/** Of the groups of so many neighbouring outputs that have a nonzero at an input, how much is nonzero. */
function sharing({ shape: [outputs, inputs], data }: Tensor<"float32">, together: number): number {
  let nonzeros = 0;
  let groups = 0;
  for (let first = 0; first + together <= outputs; first += together) {
    for (let col = 0; col < inputs; col++) {
      let count = 0;
      for (let row = first; row < first + together; row++) count += data[row * inputs + col] ? 1 : 0;
      nonzeros += count;
      groups += count ? 1 : 0;
    }
  }
  return groups ? nonzeros / (together * groups) : 0;
}
