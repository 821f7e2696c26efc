/**
 * f32_resize_nearest, f32_resize_linear: images resampled, 8 channels at a time.
 *
 *   nearest:  out[y, x, c] = in[row(y), column(x), c]
 *   linear:   out[y, x, c] = sum over the 2 rows of y, the 2 columns of x: share(y) * share(x) * in[row, column, c]
 *
 * Rows and columns have a table each, so that the tables stay small however large the image is.
 */
import { multiplyAdd } from "./arithmetic.ts";
import {
  bump,
  type Code,
  doWhile,
  type Expr,
  type Func,
  f32,
  f32x4,
  func,
  i32,
  locals,
  set,
  v128,
} from "./asm.ts";

export type ResizeMode = "nearest" | "linear";

export const resizeName = (mode: ResizeMode): string => `f32_resize_${mode}`;

/** 32-bit words a row: its address in the output, addresses of its rows in the input, the share of the second (f32). */
export const resizeRowWords = { nearest: 2, linear: 4 } as const;

/** 32-bit words a column: byte offsets of its columns in a row of the input, the share of the second (f32). */
export const resizeColumnWords = { nearest: 1, linear: 3 } as const;

/**
 * Parameters: rows [rowsEnd) and columns [columnsEnd) as above; bytes of a pixel that are resampled, a multiple of 32;
 * bytes from one pixel of the output to the next.
 */
export function resize(mode: ResizeMode, fma: boolean): Func {
  const params = {
    rows: "i32",
    rowsEnd: "i32",
    columns: "i32",
    columnsEnd: "i32",
    channelBytes: "i32",
    outStep: "i32",
  } as const;
  return func(resizeName(mode), params, (the, local) => {
    const { rows, rowsEnd, columns, columnsEnd, channelBytes, outStep } = the;
    const madd = multiplyAdd(fma);
    const [column, pixel, out, outEnd] = locals(local, "i32", 4);
    const isLinear = mode === "linear";
    const corners = locals(local, "i32", isLinear ? 4 : 1); // row by row
    const shares = locals(local, "v128", isLinear ? 4 : 0);
    const [down, across, one] = locals(local, "v128", 3);
    const rest = (share: Expr) => f32x4.sub(one, share);

    const place: Code[] = corners.map((corner, i) =>
      set(corner, i32.add(i32.load(rows, 4 + 4 * (i >> 1)), i32.load(column, 4 * (i & 1)))),
    );
    if (isLinear) {
      place.push(
        set(across, v128.load32_splat(column, 8)),
        set(shares[3], f32x4.mul(down, across)),
        set(shares[2], f32x4.mul(down, rest(across))),
        set(shares[1], f32x4.mul(rest(down), across)),
        set(shares[0], f32x4.mul(rest(down), rest(across))),
      );
    }
    const blend = (offset: number): Code => {
      const [first, ...others] = corners.map((corner) => v128.load(corner, offset));
      if (!isLinear) return first;
      return others.reduce<Code>(
        (sum, vector, i) => madd(vector, shares[i + 1], sum),
        f32x4.mul(first, shares[0]),
      );
    };
    return [
      set(one, f32x4.splat(f32.const(1))),
      doWhile(
        [
          set(pixel, i32.load(rows)),
          ...(isLinear ? [set(down, v128.load32_splat(rows, 12))] : []),
          set(column, columns),
          doWhile(
            [
              ...place,
              set(out, pixel),
              set(outEnd, i32.add(out, channelBytes)),
              doWhile(
                [
                  v128.store(out, blend(0)),
                  v128.store(out, blend(16), 16),
                  ...corners.map((corner) => bump(corner, 32)),
                  bump(out, 32),
                ],
                i32.lt_u(out, outEnd),
              ),
              bump(pixel, outStep),
              bump(column, 4 * resizeColumnWords[mode]),
            ],
            i32.lt_u(column, columnsEnd),
          ),
          bump(rows, 4 * resizeRowWords[mode]),
        ],
        i32.lt_u(rows, rowsEnd),
      ),
    ];
  });
}
