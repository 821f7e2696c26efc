/**
 * Masks around a training step. The network sees  w * mask;  of the gradient g that comes back, the mask's is the sum
 * of  w g  over each block, followers included, and the weight's is  mask g.
 */
import type { Graph } from "../../runtime/model/graph.ts";
import type { Mask } from "../../runtime/model/pattern.ts";
import type { SparseTensor } from "../../runtime/model/sparse/format.ts";
import { type Tensor, tensor } from "../../runtime/model/tensor.ts";
import type { MaskSearch, Moved, PrunableWeight } from "../methods/method.ts";
import { blockSums, expandTo } from "../pattern.ts";

/** A constant and the mask of each of its elements. */
export interface MaskedConstant {
  readonly name: string;
  readonly weight: PrunableWeight; // whose mask it is
  readonly mask: Float32Array; // [elements]
  readonly masked: Float32Array; // [elements]: value * mask, what the network sees
}

/** The weights, and what follows them. */
export function maskedConstants(
  weights: readonly PrunableWeight[],
  sizeOfConstant: (name: string) => number,
): MaskedConstant[] {
  return weights.flatMap((weight) =>
    [weight.name, ...(weight.followers ?? [])].map((name) => {
      const size = sizeOfConstant(name);
      const mask = new Float32Array(size).fill(1);
      return { name, weight, mask, masked: new Float32Array(size) };
    }),
  );
}

/** A soft mask below this is nothing. Left as it is, it would make weights subnormal, which processors are slow at. */
const nothing = 1e-12;

/** Writes the search's masks, one value a block, into the masks of all elements. */
export function takeSoftMasks(constants: readonly MaskedConstant[], search: MaskSearch): void {
  for (const { name, weight, mask } of constants) {
    const soft = search.softMask(weight.name).map((value) => (value < nothing ? 0 : value));
    if (name === weight.name) expandTo(weight.blocks, soft, mask);
    else expandRows(soft, mask);
  }
}

/** Writes hard masks. */
export function takeMasks(constants: readonly MaskedConstant[], masks: ReadonlyMap<string, Mask>): void {
  for (const { name, weight, mask } of constants) {
    const { keep } = masks.get(weight.name)!;
    if (name === weight.name) mask.set(keep);
    else expandRows(rowsOf(keep, weight), mask);
  }
}

/** dL/dmask of each block, by weight. `gradients` are those of the masked values. */
export function maskGradients(
  constants: readonly MaskedConstant[],
  valuesOf: (name: string) => Float32Array,
  gradientOf: (name: string) => Float32Array,
): Map<string, Float64Array> {
  const sums = new Map<string, Float64Array>();
  for (const { name, weight } of constants) {
    const [value, gradient] = [valuesOf(name), gradientOf(name)];
    if (name === weight.name) {
      const products = new Float64Array(value.length);
      for (let e = 0; e < value.length; e++) products[e] = gradient[e] * value[e];
      sums.set(name, blockSums(weight.blocks, products));
      continue;
    }
    const all = sums.get(weight.name)!;
    const size = value.length / all.length;
    for (let e = 0; e < value.length; e++) all[Math.floor(e / size)] += value[e] * gradient[e];
  }
  return sums;
}

/** What the search is shown of each weight after a step. */
export function movedOf(
  constants: readonly MaskedConstant[],
  valuesOf: (name: string) => Float32Array,
  gradientOf: (name: string) => Float32Array,
): Map<string, Moved> {
  return new Map(
    constants
      .filter(({ name, weight }) => name === weight.name)
      .map(({ name }) => [name, { value: valuesOf(name), gradient: gradientOf(name) }]),
  );
}

/** The graph with each weight, and what follows it, multiplied by its mask: soft ones of a search, or hard ones. */
export function multiplyMasks(
  graph: Graph,
  weights: readonly PrunableWeight[],
  masks: MaskSearch | ReadonlyMap<string, Mask>,
): Graph {
  const constants = new Map<string, Tensor | SparseTensor>(graph.constants);
  const dense = (name: string) => constants.get(name) as Tensor<"float32">;
  // What simplifying has folded into the weights since has no rows of its own any more.
  const present = weights.map((weight) => ({
    ...weight,
    followers: weight.followers?.filter((name) => constants.has(name)),
  }));
  const masked = maskedConstants(present, (name) => dense(name).data.length);
  if ("softMask" in masks) takeSoftMasks(masked, masks);
  else takeMasks(masked, masks);
  for (const { name, mask } of masked) {
    const { data, shape } = dense(name);
    constants.set(
      name,
      tensor(
        shape,
        data.map((value, e) => value * mask[e]),
      ),
    );
  }
  return { ...graph, constants };
}

/** One value a row -> one value an element. */
function expandRows(rows: ArrayLike<number>, elements: Float32Array): void {
  const size = elements.length / rows.length;
  for (let e = 0; e < elements.length; e++) elements[e] = rows[Math.floor(e / size)];
}

/** Of each output, whether it stays. */
function rowsOf(keep: Uint8Array, { blocks }: PrunableWeight): Uint8Array {
  const size = keep.length / blocks.shape[0];
  return Uint8Array.from({ length: blocks.shape[0] }, (_, row) => keep[row * size]);
}
