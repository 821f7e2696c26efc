/**
 * f32_transpose: copies [n0, n1, n2, n3] where neighbours along dimension 2 lie together in the input and
 * neighbours along dimension 3 in the output: planes of channels to pixels of channels, and back.
 * Squares of 4x4 go through registers; what is left over, one element at a time along dimension 2.
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
 * Parameters: a, out: addresses; n0..n3: sizes, each ≥ 1; a0, a1, a3, out0, out1, out2: strides in bytes
 * (a2 and out3 are 4).
 */
export function transpose(): Func {
  const names = ["a", "out", "n0", "n1", "n2", "n3", "a0", "a1", "a3", "out0", "out1", "out2"] as const;
  const params = Object.fromEntries(names.map((name) => [name, "i32"])) as Record<
    (typeof names)[number],
    "i32"
  >;
  return func(transposeName, params, (p, local) => {
    const [outer, inner, left, across, from, to, a1, out1] = locals(local, "i32", 8);
    const [a, out, end] = locals(local, "i32", 3);
    const rows = locals(local, "v128", 4);
    const mixed = locals(local, "v128", 4);

    const square: Code[] = [
      set(end, from),
      ...rows.flatMap((row) => [set(row, v128.load(end)), set(end, i32.add(end, p.a3))]),
      ...transposeSquare(rows, mixed),
      set(end, to),
      ...rows.flatMap((row) => [v128.store(end, row), set(end, i32.add(end, p.out2))]),
    ];
    const single: Code[] = [i32.store(to, i32.load(from))];
    /** Walks dimension 2 from the place of `a` and `out`, by squares where `body` is one. */
    const along = (body: Code[], by: number): Code =>
      whileDo(i32.gt_s(left, i32.const(by - 1)), [
        ...body,
        bump(from, by * 4),
        set(to, i32.add(to, i32.mul(p.out2, i32.const(by)))),
        bump(left, -by),
      ]);
    const plane: Code[] = [
      set(a, a1),
      set(out, out1),
      set(across, p.n3),
      whileDo(i32.gt_s(across, i32.const(3)), [
        set(from, a),
        set(to, out),
        set(left, p.n2),
        along(square, 4),
        // Up to 3 rows of 4: row by row.
        whileDo(i32.gt_s(left, i32.const(0)), [
          set(end, from),
          ...[0, 1, 2, 3].flatMap((i) => [
            i32.store(to, i32.load(end), i * 4),
            set(end, i32.add(end, p.a3)),
          ]),
          bump(from, 4),
          set(to, i32.add(to, p.out2)),
          bump(left, -1),
        ]),
        set(a, i32.add(a, i32.shl(p.a3, i32.const(2)))),
        bump(out, 16),
        bump(across, -4),
      ]),
      whileDo(i32.gt_s(across, i32.const(0)), [
        set(from, a),
        set(to, out),
        set(left, p.n2),
        along(single, 1),
        set(a, i32.add(a, p.a3)),
        bump(out, 4),
        bump(across, -1),
      ]),
    ];
    return [
      set(outer, p.n0),
      doWhile(
        [
          set(a1, p.a),
          set(out1, p.out),
          set(inner, p.n1),
          doWhile([...plane, bump(a1, p.a1), bump(out1, p.out1), bump(inner, -1)], inner),
          bump(p.a, p.a0),
          bump(p.out, p.out0),
          bump(outer, -1),
        ],
        outer,
      ),
    ];
  });
}

/** Four vectors as the rows of a 4x4 matrix, transposed in place. */
function transposeSquare([a, b, c, d]: Local[], [ab0, ab1, cd0, cd1]: Local[]): Code[] {
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
