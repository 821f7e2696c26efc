/**
 * Decodes TFLite's sparse tensors. The dimensions, blocks split off as dimensions of their own, are nested in
 * `traversalOrder`; each is dense or compressed. Place p of a dense dimension of size s has the places p s … p s + s - 1
 * of the next; of a compressed one, segments[p] … segments[p + 1] - 1, whose coordinates are in indices.
 */
import { ModelError } from "../../../runtime/model/errors.ts";
import { type Shape, stridesOf, type Tensor, zeros } from "../../../runtime/model/tensor.ts";
import type { Table } from "./flatbuffer.ts";

type Numbers = ArrayLike<number>;

interface Level {
  readonly stride: number; // of a step along this dimension, in the dense tensor
  readonly size: number;
  readonly segments?: Numbers; // where it is compressed
  readonly indices?: Numbers;
}

export function decodeSparse(
  { traversalOrder, blockMap, dimMetadata }: Table<"SparsityParameters">,
  shape: Shape,
  values: Float32Array,
  what: string,
): Tensor<"float32"> {
  const rank = shape.length;
  const depth = rank + blockMap.length;
  const isOrder = Array.from(traversalOrder)
    .sort((a, b) => a - b)
    .every((axis, i) => axis === i);
  if (traversalOrder.length !== depth || dimMetadata.length !== depth || !isOrder) {
    throw new ModelError(`${what}: its sparsity does not name each of ${depth} dimensions once`);
  }
  const blockSizes = shape.map(() => 1);
  traversalOrder.forEach((axis, level) => {
    if (axis < rank) return;
    const blocked = blockMap[axis - rank];
    const { denseSize } = dimMetadata[level];
    if (!(blocked in blockSizes) || !(denseSize >= 1) || shape[blocked] % denseSize !== 0) {
      throw new ModelError(
        `${what}: blocks of ${denseSize} do not fit dimension ${blocked} of [${shape}]`,
      );
    }
    blockSizes[blocked] = denseSize;
  });
  const strides = stridesOf(shape);
  const levels = Array.from(traversalOrder, (axis, level): Level => {
    const isInner = axis >= rank;
    const dim = isInner ? blockMap[axis - rank] : axis;
    const size = isInner ? blockSizes[dim] : shape[dim] / blockSizes[dim];
    const stride = strides[dim] * (isInner ? 1 : blockSizes[dim]);
    const { format, denseSize, arraySegments, arrayIndices } = dimMetadata[level];
    if (format === 0) {
      if (denseSize === size) return { stride, size };
      throw new ModelError(`${what}: dimension ${axis} has the size ${denseSize}; expected ${size}`);
    }
    if (!arraySegments || !arrayIndices) {
      throw new ModelError(`${what}: the compressed dimension ${axis} has no segments or indices`);
    }
    return { stride, size, segments: arraySegments.values, indices: arrayIndices.values };
  });
  // How many places each level has follows from the one before, so that no walk is longer than what is stored.
  let places = 1;
  for (const level of levels)
    places = level.segments ? checkSegments(level, places, what) : places * level.size;
  if (places !== values.length) {
    throw new ModelError(`${what}: has ${values.length} values; its sparsity has places for ${places}`);
  }
  const result = zeros(shape);
  const walk = (depthNow: number, place: number, offset: number): void => {
    if (depthNow === levels.length) {
      result.data[offset] = values[place];
      return;
    }
    const { stride, size, segments, indices } = levels[depthNow];
    if (segments && indices) {
      for (let i = segments[place]; i < segments[place + 1]; i++) {
        walk(depthNow + 1, i, offset + indices[i] * stride);
      }
      return;
    }
    for (let i = 0; i < size; i++) walk(depthNow + 1, place * size + i, offset + i * stride);
  };
  walk(0, 0, 0);
  return result;
}

/** The number of places, once it is sure that segments rise from 0 to the end and indices are inside. */
function checkSegments({ segments, indices, size }: Level, places: number, what: string): number {
  const end = indices!.length;
  let last = 0;
  for (let i = 0; i <= places; i++) {
    const next = segments![i];
    if (!(next >= last && next <= end) || (i === 0 && next !== 0)) {
      throw new ModelError(`${what}: segments[${i}] is ${next}; expected ${last} to ${end}`);
    }
    last = next;
  }
  if (segments!.length !== places + 1 || last !== end) {
    throw new ModelError(`${what}: its segments end at ${last} of ${end} indices`);
  }
  for (let i = 0; i < end; i++) {
    if (indices![i] < 0 || indices![i] >= size) {
      throw new ModelError(`${what}: indices[${i}] is ${indices![i]}; expected 0 to ${size - 1}`);
    }
  }
  return end;
}
