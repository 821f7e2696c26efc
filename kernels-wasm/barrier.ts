/**
 * barrier: every thread of the pool waits until all have come.
 *
 * Two i32 words, zero at first: arrivals, counted up, and sleepers. A thread spins for a while, then
 * sleeps; the last to come wakes the sleepers.
 */
import { bump, drop, type Func, func, i32, locals, set, when, whileDo } from "./asm.ts";

export const barrierName = "barrier";

const spins = 20_000; // some 50 µs: longer than the imbalance of a layer, shorter than a user notices

/** Parameters: address of the two words; how many threads. */
export function barrier(): Func {
  return func(barrierName, { words: "i32", threads: "i32" }, ({ words, threads }, local) => {
    const [goal, seen, spin] = locals(local, "i32", 3);
    const missing = () => i32.gt_s(i32.sub(goal, seen), i32.const(0));
    return [
      // The round's goal is the next multiple of the number of threads.
      set(seen, i32.add(i32.atomic_add(words, i32.const(1)), i32.const(1))),
      set(goal, i32.add(seen, i32.rem_u(i32.sub(threads, i32.rem_u(seen, threads)), threads))),
      set(spin, i32.const(spins)),
      when(
        missing(),
        [
          whileDo(i32.and(missing(), i32.gt_s(spin, i32.const(0))), [
            set(seen, i32.atomic_load(words)),
            bump(spin, -1),
          ]),
          when(missing(), [
            drop(i32.atomic_add(words, i32.const(1), 4)),
            whileDo(missing(), [drop(i32.atomic_wait(words, seen)), set(seen, i32.atomic_load(words))]),
            drop(i32.atomic_add(words, i32.const(-1), 4)),
          ]),
        ],
        [when(i32.atomic_load(words, 4), [drop(i32.atomic_notify(words, i32.const(-1)))])],
      ),
    ];
  });
}
