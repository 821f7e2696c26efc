/** Shares a list of pieces of work among threads: consecutive ranges of about equal weight. */

/** [first, end) of each thread. */
export function split(work: readonly number[], threads: number): [first: number, end: number][] {
  const total = work.reduce((a, b) => a + b, 0);
  const shares: [number, number][] = [];
  let at = 0;
  let done = 0;
  for (let thread = 1; thread <= threads; thread++) {
    const first = at;
    const goal = (total * thread) / threads;
    // A piece goes to the side that leaves the sum nearer to the goal.
    while (at < work.length && (thread === threads || done + work[at] / 2 <= goal)) done += work[at++];
    shares.push([first, at]);
  }
  return shares;
}
