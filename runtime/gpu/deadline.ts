/** Work that is given up when it takes too long. */

/** A driver that hangs is given up. */
export interface Deadlines {
  readonly requestMs?: number; // of an adapter, of a device; by default the backend's
  readonly runMs: number; // of a run, of a kernel's compilation: the slowest real ones on a software adapter are shorter
}

export const usualDeadlines: Deadlines = { runMs: 120_000 };

export class Late extends Error {}

/** Rejects with a Late where `work` takes longer; the work itself goes on. */
export function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Late(`no answer in ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
