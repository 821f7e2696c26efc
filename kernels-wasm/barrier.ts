/**
 * barrier: every thread of the pool waits until all have come.
 *
 * Three i32 words, zero at first: how many have come, the round, how many sleep. The last to come empties
 * the first word and begins the next round; the others wait for the round to change, spinning for a while,
 * then asleep.
 */
import { bump, drop, type Func, func, i32, locals, set, when, whileDo } from "./asm.ts";

export const barrierName = "barrier";

const spins = 20_000; // some 50 µs: longer than the imbalance of a layer, shorter than a user notices

/** Parameters: address of the three words; how many threads. */
export function barrier(): Func {
  return func(barrierName, { words: "i32", threads: "i32" }, ({ words, threads }, local) => {
    const [round, spin] = locals(local, "i32", 2);
    const isSame = () => i32.eq(i32.atomic_load(words, 4), round);
    return [
      set(round, i32.atomic_load(words, 4)),
      when(
        i32.eq(i32.add(i32.atomic_add(words, i32.const(1)), i32.const(1)), threads),
        [
          i32.atomic_store(words, i32.const(0)),
          drop(i32.atomic_add(words, i32.const(1), 4)),
          when(i32.atomic_load(words, 8), [drop(i32.atomic_notify(words, i32.const(-1), 4))]),
        ],
        [
          set(spin, i32.const(spins)),
          whileDo(i32.and(isSame(), i32.gt_s(spin, i32.const(0))), [bump(spin, -1)]),
          when(isSame(), [
            drop(i32.atomic_add(words, i32.const(1), 8)),
            whileDo(isSame(), [drop(i32.atomic_wait(words, round, 4))]),
            drop(i32.atomic_add(words, i32.const(-1), 8)),
          ]),
        ],
      ),
    ];
  });
}
