/** Kernels that go through rows one by one, shared among threads. */

import { splitForPool } from "./split.ts";
import type { Call } from "./step.ts";

/** Rows that lie equally far apart in every operand. */
export interface RowRun {
  readonly at: readonly number[]; // address of the first row in each operand
  readonly count: number;
  readonly bytes: readonly number[]; // from a row to the next
}

/**
 * Pieces for threads: calls of a kernel over all rows. `addresses` are those of the rows of each operand, `cycles`
 * what all of them cost.
 */
export function rowPieces(
  addresses: readonly Int32Array[],
  threads: number,
  cycles: number,
  call: (run: RowRun) => Call,
): Call[][] {
  const rows = addresses[0].length;
  return splitForPool(new Array<number>(rows).fill(1), threads, cycles).map(([first, end]) =>
    runs(addresses, first, end).map(call),
  );
}

function runs(addresses: readonly Int32Array[], first: number, end: number): RowRun[] {
  const found: RowRun[] = [];
  for (let row = first; row < end; ) {
    const at = addresses.map((list) => list[row]);
    const bytes = addresses.map((list) => (row + 1 < end ? list[row + 1] - list[row] : 0));
    let count = 1;
    const goesOn = (next: number) =>
      addresses.every((list, i) => list[next] - list[next - 1] === bytes[i]);
    while (row + count < end && goesOn(row + count)) count++;
    found.push({ at, count, bytes });
    row += count;
  }
  return found;
}
