/**
 * Indices as a file stores them: whole numbers of `bits` bits each, one after the other, the lowest
 * bit first (bit k of the stream is bit k % 8 of byte floor(k / 8)); the last byte ends in zeros.
 */
export type Indices = Int32Array | Uint8Array;

/** The fewest bits (at least 1) that hold every index. */
export function bitsOf(indices: Indices): number {
  let all = 1;
  for (const index of indices) all |= index;
  return 32 - Math.clz32(all);
}

export function packedBytes(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8);
}

export function packIndices(indices: Indices, bits: number): Uint8Array {
  const bytes = new Uint8Array(packedBytes(indices.length, bits));
  let [byte, shift] = [0, 0]; // where the next bit goes
  for (let rest of indices) {
    for (let left = bits; left > 0; ) {
      const taken = Math.min(8 - shift, left);
      bytes[byte] |= rest << shift;
      rest >>>= taken;
      left -= taken;
      shift += taken;
      byte += shift >> 3;
      shift &= 7;
    }
  }
  return bytes;
}

/** The inverse: fills `indices`, whose length says how many there are. */
export function unpackIndices<T extends Indices>(bytes: Uint8Array, bits: number, indices: T): T {
  let [byte, shift] = [0, 0];
  for (let i = 0; i < indices.length; i++) {
    let index = 0;
    for (let have = 0; have < bits; ) {
      const taken = Math.min(8 - shift, bits - have);
      index |= ((bytes[byte] >> shift) & ((1 << taken) - 1)) << have;
      have += taken;
      shift += taken;
      byte += shift >> 3;
      shift &= 7;
    }
    indices[i] = index;
  }
  return indices;
}
