/**
 * f32_interleave: three planes to pixels of three channels, as a picture comes and as the first convolution reads it.
 *
 *   out[row, x, c] = a[c, row, x]
 */
import {
  bump,
  doWhile,
  type Func,
  func,
  i32,
  i32x4_shuffle,
  locals,
  set,
  v128,
  whileDo,
} from "./asm.ts";

export const interleaveName = "f32_interleave";

/**
 * Parameters: a, out: addresses; rows ≥ 1 of `count` ≥ 1 pixels; bytes from a row to the next in a and in out, from a
 * plane of a to the next.
 */
export function interleave(): Func {
  const params = {
    a: "i32",
    out: "i32",
    rows: "i32",
    count: "i32",
    aRow: "i32",
    outRow: "i32",
    plane: "i32",
  } as const;
  return func(interleaveName, params, ({ a, out, rows, count, aRow, outRow, plane }, local) => {
    const [to, left, ...from] = locals(local, "i32", 5);
    const [red, green, blue] = locals(local, "v128", 3);
    const [front, back, middle] = locals(local, "v128", 3); // red and green of two pixels each
    const fourPixels = [
      set(red, v128.load(from[0])),
      set(green, v128.load(from[1])),
      set(blue, v128.load(from[2])),
      set(front, i32x4_shuffle(red, green, [0, 4, 1, 5])),
      set(back, i32x4_shuffle(red, green, [2, 6, 3, 7])),
      set(middle, i32x4_shuffle(front, blue, [3, 5, 3, 5])),
      v128.store(to, i32x4_shuffle(front, blue, [0, 1, 4, 2])),
      v128.store(to, i32x4_shuffle(middle, back, [0, 1, 4, 5]), 16),
      v128.store(to, i32x4_shuffle(blue, back, [2, 6, 7, 3]), 32),
      ...from.map((address) => bump(address, 16)),
      bump(to, 48),
      bump(left, -4),
    ];
    const onePixel = [
      ...from.map((address, channel) => i32.store(to, i32.load(address), channel * 4)),
      ...from.map((address) => bump(address, 4)),
      bump(to, 12),
      bump(left, -1),
    ];
    return [
      doWhile(
        [
          set(from[0], a),
          set(from[1], i32.add(from[0], plane)),
          set(from[2], i32.add(from[1], plane)),
          set(to, out),
          set(left, count),
          whileDo(i32.gt_s(left, i32.const(3)), fourPixels),
          whileDo(i32.gt_s(left, i32.const(0)), onePixel),
          bump(a, aRow),
          bump(out, outRow),
          bump(rows, -1),
        ],
        rows,
      ),
    ];
  });
}
