/**
 * f32_transpose: copies planes of channels to pixels of channels, and back.
 *
 * Of two dimensions P and Q, neighbours along P lie together in the input, neighbours along Q in the output.
 * Squares of 4x4 go through registers; what is left over goes one element at a time.
 */
import {
  bump,
  type Code,
  doWhile,
  type Func,
  func,
  i32,
  i32x4_shuffle,
  type Local,
  locals,
  set,
  v128,
  whileDo,
} from "./asm.ts";

export const transposeName = "f32_transpose";

/**
 * Parameters: a, out: addresses; n0, n1: sizes around, with their strides a0, a1, out0, out1; then the two
 * dimensions, whichever is to be walked in the outer loop and whichever in the inner one: size, stride in the
 * input, stride in the output; last the strides between the rows of a square: of Q in the input, of P in the
 * output. Strides are in bytes, sizes ≥ 1.
 */
export function transpose(): Func {
  const names = [
    ...["a", "out", "n0", "n1", "a0", "a1", "out0", "out1"],
    ...["outer", "outerFrom", "outerTo", "inner", "innerFrom", "innerTo", "rowFrom", "rowTo"],
  ];
  const params: Record<string, "i32"> = Object.fromEntries(names.map((name) => [name, "i32"]));
  return func(transposeName, params, (p, local) => {
    const [left0, left1, leftOuter, leftInner, from, to, row] = locals(local, "i32", 7);
    const [a1, out1, a, out] = locals(local, "i32", 4);
    const rows = locals(local, "v128", 4);
    const mixed = locals(local, "v128", 4);
    const by = (stride: Local, times: 1 | 4): Code => i32.shl(stride, i32.const(times === 4 ? 2 : 0));

    const square: Code[] = [
      set(row, from),
      ...rows.flatMap((vector) => [set(vector, v128.load(row)), bump(row, p.rowFrom)]),
      ...transposeSquare(rows, mixed),
      set(row, to),
      ...rows.flatMap((vector) => [v128.store(row, vector), bump(row, p.rowTo)]),
    ];
    const alongOuter = (count: 1 | 4): Code[] =>
      Array.from({ length: count }, (_, i) => {
        const at = (address: Local, stride: Local) => i32.add(address, i32.mul(stride, i32.const(i)));
        return i32.store(at(to, p.outerTo), i32.load(at(from, p.outerFrom)));
      });
    /** While at least `times` are left along the inner dimension. */
    const walkInner = (times: 1 | 4, body: Code[]): Code =>
      whileDo(i32.gt_s(leftInner, i32.const(times - 1)), [
        ...body,
        set(from, i32.add(from, by(p.innerFrom, times))),
        set(to, i32.add(to, by(p.innerTo, times))),
        bump(leftInner, -times),
      ]);
    const walkOuter = (times: 1 | 4, inner: Code[]): Code =>
      whileDo(i32.gt_s(leftOuter, i32.const(times - 1)), [
        set(from, a),
        set(to, out),
        set(leftInner, p.inner),
        ...inner,
        set(a, i32.add(a, by(p.outerFrom, times))),
        set(out, i32.add(out, by(p.outerTo, times))),
        bump(leftOuter, -times),
      ]);
    const plane: Code[] = [
      set(a, a1),
      set(out, out1),
      set(leftOuter, p.outer),
      walkOuter(4, [walkInner(4, square), walkInner(1, alongOuter(4))]),
      walkOuter(1, [walkInner(1, alongOuter(1))]),
    ];
    return [
      set(left0, p.n0),
      doWhile(
        [
          set(a1, p.a),
          set(out1, p.out),
          set(left1, p.n1),
          doWhile([...plane, bump(a1, p.a1), bump(out1, p.out1), bump(left1, -1)], left1),
          bump(p.a, p.a0),
          bump(p.out, p.out0),
          bump(left0, -1),
        ],
        left0,
      ),
    ];
  });
}

/** Four vectors as the rows of a 4x4 matrix, transposed in place. */
export function transposeSquare([a, b, c, d]: Local[], [ab0, ab1, cd0, cd1]: Local[]): Code[] {
  return [
    set(ab0, i32x4_shuffle(a, b, [0, 4, 1, 5])),
    set(ab1, i32x4_shuffle(a, b, [2, 6, 3, 7])),
    set(cd0, i32x4_shuffle(c, d, [0, 4, 1, 5])),
    set(cd1, i32x4_shuffle(c, d, [2, 6, 3, 7])),
    set(a, i32x4_shuffle(ab0, cd0, [0, 1, 4, 5])),
    set(b, i32x4_shuffle(ab0, cd0, [2, 3, 6, 7])),
    set(c, i32x4_shuffle(ab1, cd1, [0, 1, 4, 5])),
    set(d, i32x4_shuffle(ab1, cd1, [2, 3, 6, 7])),
  ];
}
