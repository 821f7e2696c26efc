/** Shares a list of pieces of work among threads: consecutive ranges. */

/** Below this a piece is not worth handing to another thread: some 5 µs. */
const smallestPiece = 15_000; // cycles

/** [first, end) of each thread, about equal. */
export function split(work: readonly number[], threads: number): [first: number, end: number][] {
  return cut(work, new Array<number>(threads).fill(1 / threads));
}

/**
 * Ranges for a pool that takes them from both ends (threads.ts): large ones there, small ones where the ends meet,
 * so that all threads finish together. `cycles` is the cost of the whole; one range where it is too small to share.
 */
export function splitForPool(
  work: readonly number[],
  threads: number,
  cycles: number,
): [first: number, end: number][] {
  const each = cycles / threads;
  if (threads === 1 || each < smallestPiece) return [[0, work.length]];
  const halving = [[1], [0.5, 0.5], [0.5, 0.25, 0.25], [0.5, 0.25, 0.125, 0.125]];
  const parts = halving.findLast((parts) => each * parts[parts.length - 1] >= smallestPiece)!;
  const front = parts.map((part) => part / threads);
  const back = front.flatMap((part) => new Array<number>(threads - 1).fill(part)).reverse();
  return cut(work, [...front, ...back]).filter(([first, end]) => first < end);
}

/** Ranges whose shares of the work are about `fractions` of it, which sum to 1. */
function cut(work: readonly number[], fractions: readonly number[]): [first: number, end: number][] {
  const total = work.reduce((a, b) => a + b, 0);
  let at = 0;
  let done = 0;
  let goal = 0;
  return fractions.map((fraction, i) => {
    const first = at;
    goal += total * fraction;
    // A piece of work goes to the side that leaves the sum nearer to the goal.
    while (at < work.length && (i === fractions.length - 1 || done + work[at] / 2 <= goal))
      done += work[at++];
    return [first, at];
  });
}
