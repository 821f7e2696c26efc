/** The assembler: what it writes is what WebAssembly reads. */
import { expect, test } from "vitest";
import {
  assemble,
  bump,
  doWhile,
  f32,
  func,
  i32,
  set,
  v128,
  when,
  whileDo,
} from "../../kernels-wasm/asm.ts";

function build(...funcs: ReturnType<typeof func>[]) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(assemble(funcs, { pages: 1, shared: false }));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return {
    call: exports as Record<string, (...args: number[]) => void>,
    words: new Int32Array(memory.buffer),
  };
}

test.each([0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8193, 2 ** 31 - 1, -(2 ** 31)])(
  "the constant %i arrives as it is",
  (n) => {
    const { call, words } = build(func("put", { at: "i32" }, ({ at }) => [i32.store(at, i32.const(n))]));
    call.put(8);
    expect(words[2]).toBe(n);
  },
);

test.each([0, 4, 124, 128, 16384, 65532])("a load takes the offset %i", (offset) => {
  const { call, words } = build(
    func("move", { from: "i32", to: "i32" }, ({ from, to }) => [i32.store(to, i32.load(from, offset))]),
  );
  words[offset / 4] = 77;
  call.move(0, 32);
  expect(words[8]).toBe(77);
});

test("loops count, conditions choose, locals keep their types apart", () => {
  const sums = func("sums", { n: "i32", at: "i32" }, ({ n, at }, local) => {
    const sum = local("i32");
    const real = local("f32");
    return [
      whileDo(i32.gt_s(n, i32.const(0)), [
        set(sum, i32.add(sum, n)),
        set(real, f32.add(real, f32.const(0.5))),
        bump(n, -1),
      ]),
      i32.store(at, sum),
      f32.store(at, real, 4),
      when(i32.eqz(sum), [i32.store(at, i32.const(1), 8)], [i32.store(at, i32.const(2), 8)]),
    ];
  });
  const { call, words } = build(sums);
  const floats = new Float32Array(words.buffer);
  call.sums(10, 0);
  expect([words[0], floats[1], words[2]]).toEqual([55, 5, 2]);
  call.sums(0, 16);
  expect([words[4], floats[5], words[6]]).toEqual([0, 0, 1]);
});

test("a do-while runs once even where its condition is false", () => {
  const once = func("once", { at: "i32" }, ({ at }) => [
    doWhile([i32.store(at, i32.add(i32.load(at), i32.const(1)))], i32.const(0)),
  ]);
  const { call, words } = build(once);
  call.once(0);
  expect(words[0]).toBe(1);
});

test("functions of one signature share its type, and vectors move 16 bytes", () => {
  const copy = (name: string, by: number) =>
    func(name, { from: "i32", to: "i32" }, ({ from, to }) => [v128.store(to, v128.load(from, by), by)]);
  const { call, words } = build(copy("first", 0), copy("second", 16));
  words.set([1, 2, 3, 4, 5, 6, 7, 8]);
  call.first(0, 64);
  call.second(0, 64);
  expect([...words.subarray(16, 24)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});
