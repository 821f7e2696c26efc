/**
 * The pool: every thread walks the same phases over one shared memory, its own calls in each, and meets the
 * others at a barrier. Between runs the helpers sleep on the generation word.
 */
import { barrierName } from "../../../kernels-wasm/index.ts";
import { control } from "./control.ts";
import type { Call } from "./step.ts";

/** What a helper is started with. */
export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly phases: readonly (readonly Call[])[]; // this thread's calls of each phase
  readonly threads: number;
}

type Kernel = (...args: readonly number[]) => void;

/** A thread's part of a run. */
export function makeRun({ module, memory, phases, threads }: ThreadStart): (() => void)[] {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const meet = exports[barrierName] as Kernel;
  return phases.map((calls) => {
    const bound = calls.map(({ kernel, args }) => ({ run: exports[kernel] as Kernel, args }));
    if (threads === 1 && bound.length === 1) {
      const [{ run, args }] = bound;
      return () => run(...args);
    }
    return () => {
      for (const { run, args } of bound) run(...args);
      if (threads > 1) meet(control.barrier, threads);
    };
  });
}

/** A helper's life: sleep until the next run, do it, sleep again. Never returns; its worker is terminated. */
export function serve(start: ThreadStart): void {
  const words = new Int32Array(start.memory.buffer);
  const run = makeRun(start);
  let seen = 0;
  for (;;) {
    Atomics.wait(words, control.generation / 4, seen);
    seen = Atomics.load(words, control.generation / 4);
    for (const phase of run) phase();
  }
}

/** Wakes the helpers for a run. */
export function wake(memory: WebAssembly.Memory): void {
  const words = new Int32Array(memory.buffer);
  Atomics.add(words, control.generation / 4, 1);
  Atomics.notify(words, control.generation / 4);
}
