/**
 * The pool: threads take pieces of a phase from one shared memory, the first thread from the front of the list,
 * the helpers from its back. The first thread never waits for a helper to come, only for pieces that one has
 * begun: a helper that wakes late costs nothing, and one that has nothing to do goes to sleep.
 *
 * Two words a phase with more than one piece: what is taken (generation << 16 | from the back << 8 | from the
 * front), and how many pieces are done. The generation counts the runs; a helper sees by it that a phase has
 * begun. The sign of the first word, set between runs, calls the helpers away, to another executable.
 */
import { control } from "./control.ts";
import type { Call } from "./step.ts";

/** What a thread is started with. */
export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly phases: readonly PhasePieces[];
}

export interface PhasePieces {
  readonly pieces: readonly (readonly Call[])[]; // at most 255
  readonly words: number; // address of the two words; -1 where there is one piece, which the first thread runs
}

/** How long a thread that has nothing to do looks again and again before it sleeps. */
const spinMs = 0.2;

const awayBit = 1 << 31;
const calledAway = -1;

type Piece = () => void;

/** The first thread's part of a run: its phases, to be called in order, each shared with the helpers or not. */
export function makeRun({ module, memory, phases }: ThreadStart): ((isShared: boolean) => void)[] {
  const words = new Int32Array(memory.buffer);
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return phases.map((phase) => {
    const pieces = phase.pieces.map((calls) => bindCalls(calls, exports));
    if (phase.words < 0) return pieces[0] ?? (() => {});
    const taken = phase.words / 4;
    return (isShared) => {
      if (!isShared) {
        for (const piece of pieces) piece();
        return;
      }
      const generation = ((Atomics.load(words, taken) >>> 16) + 1) & 0x7fff;
      Atomics.store(words, taken + 1, 0);
      Atomics.store(words, taken, generation << 16);
      if (Atomics.load(words, control.sleepers / 4)) Atomics.notify(words, taken);
      takePieces(words, taken, pieces, "front");
      waitUntilDone(words, taken + 1, pieces.length);
    };
  });
}

/**
 * A helper's service, made ready: called with the generation of the last run, it goes through the phases, run after
 * run, and returns when it is called away.
 */
export function makeService({ module, memory, phases }: ThreadStart): (runs: number) => void {
  const words = new Int32Array(memory.buffer);
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const shared = sharedPhases(phases).map(({ words: address, pieces }) => ({
    taken: address / 4,
    pieces: pieces.map((calls) => bindCalls(calls, exports)),
    generation: 0,
  }));
  return (runs) => {
    for (const phase of shared) phase.generation = runs;
    while (shared.length > 0) {
      for (const phase of shared) {
        const next = waitForNext(words, phase.taken, phase.generation);
        if (next === calledAway) return;
        phase.generation = next;
        takePieces(words, phase.taken, phase.pieces, "back");
      }
    }
  };
}

/** Between runs: sends the helpers away, those that sleep too. */
export function callAway({ memory, phases }: ThreadStart): void {
  const words = new Int32Array(memory.buffer);
  for (const { words: address } of sharedPhases(phases)) {
    Atomics.or(words, address / 4, awayBit);
    Atomics.notify(words, address / 4);
  }
}

/** Between runs: undoes `callAway`. Gives the generation of the last run, for those who come back. */
export function callBack({ memory, phases }: ThreadStart): number {
  const words = new Int32Array(memory.buffer);
  const shared = sharedPhases(phases);
  for (const { words: address } of shared) Atomics.and(words, address / 4, ~awayBit);
  return shared.length > 0 ? Atomics.load(words, shared[0].words / 4) >>> 16 : 0;
}

function sharedPhases(phases: readonly PhasePieces[]): readonly PhasePieces[] {
  return phases.filter(({ words }) => words >= 0);
}

function bindCalls(calls: readonly Call[], exports: WebAssembly.Exports): Piece {
  const bound = calls.map(({ kernel, args }) => {
    return { run: exports[kernel] as (...args: readonly number[]) => void, args };
  });
  if (bound.length === 1) {
    const [{ run, args }] = bound;
    return () => run(...args);
  }
  return () => {
    for (const { run, args } of bound) run(...args);
  };
}

/** Runs pieces until all are taken. */
function takePieces(
  words: Int32Array,
  taken: number,
  pieces: readonly Piece[],
  end: "front" | "back",
): void {
  for (;;) {
    const seen = Atomics.load(words, taken);
    const front = seen & 0xff;
    const back = (seen >>> 8) & 0xff;
    if (front + back >= pieces.length) return;
    const next = seen + (end === "front" ? 1 : 0x100);
    if (Atomics.compareExchange(words, taken, seen, next) !== seen) continue;
    pieces[end === "front" ? front : pieces.length - 1 - back]();
    Atomics.add(words, taken + 1, 1);
  }
}

/** Waits until the word's generation differs from the one seen last, asleep after a while; the new one, or `calledAway`. */
function waitForNext(words: Int32Array, taken: number, last: number): number {
  const until = performance.now() + spinMs;
  for (let spin = 1; ; spin++) {
    const seen = Atomics.load(words, taken);
    if (seen < 0) return calledAway;
    if (seen >>> 16 !== last) return seen >>> 16;
    if (spin % 64 || performance.now() < until) continue;
    Atomics.add(words, control.sleepers / 4, 1);
    Atomics.wait(words, taken, seen);
    Atomics.sub(words, control.sleepers / 4, 1);
  }
}

/** Helpers are in the middle of their last pieces: soon done, unless the system has put one aside. */
function waitUntilDone(words: Int32Array, done: number, pieces: number): void {
  const until = performance.now() + spinMs;
  for (let spin = 1; ; spin++) {
    const seen = Atomics.load(words, done);
    if (seen === pieces) return;
    if (spin % 64 === 0 && performance.now() >= until) Atomics.wait(words, done, seen, spinMs);
  }
}
