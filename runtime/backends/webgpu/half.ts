/** float16 (IEEE 754 binary16) as bits, where a device stores the operands of products in it. */

const largest = 65504;

/** Whether every value stays finite in float16. */
export function fitsHalf(values: Float32Array): boolean {
  return values.every((value) => Math.abs(value) < largest + 16); // what is rounded to `largest`
}

/** The nearest float16 of each value, the even one of two: their bits. */
export function toHalf(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, halfOf);
}

/** From the bits of a float32: 8 bits of exponent, 23 of mantissa; to 5 and 10. */
function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above
  if (magnitude < 0x33000000) return sign; // below half of the smallest
  const exponent = magnitude >>> 23;
  // Subnormal float16 have a hidden bit that moves down, the others the exponent's bias changed: 127 to 15.
  const shift = exponent < 113 ? 126 - exponent : 13;
  const source = exponent < 113 ? (magnitude & 0x7fffff) | 0x800000 : magnitude - (112 << 23);
  const kept = source >>> shift;
  const rest = source & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  const isUp = rest > half || (rest === half && (kept & 1) === 1);
  return sign | (kept + (isUp ? 1 : 0)); // a carry goes into the exponent, which is right
}
