/**
 * Whether a run shares its work with the helpers. Two threads are slower than one where another program holds the
 * second core, or where the work is small: so runs alone are timed too, now and then, and the faster way is taken.
 */
export interface Pace {
  /** Shall the next run share its work? */
  next(): boolean;
  record(isShared: boolean, ms: number): void;
}

/** The ways are compared by so many runs each at first, after one that warms up. */
const firstRuns = 3;
/** The way not taken is tried again after so long, or sooner where the one taken has become slower. */
const againMs = 2000;
const slower = 1.25;

export function makePace(now: () => number = () => performance.now()): Pace {
  const recent = { shared: [] as number[], alone: [] as number[] };
  let runs = 0;
  let usual = Number.POSITIVE_INFINITY; // of the way taken, when it was chosen
  let isShared = true;
  let probes = 0; // runs left of the way not taken
  let comparedAt = 0;

  const fastest = (ms: readonly number[]) => Math.min(...ms);
  const compare = () => {
    isShared = fastest(recent.shared) <= fastest(recent.alone);
    usual = fastest(isShared ? recent.shared : recent.alone);
    comparedAt = now();
  };

  return {
    next() {
      if (runs <= 2 * firstRuns) return runs % 2 === 0;
      return probes > 0 ? !isShared : isShared;
    },
    record(wasShared, ms) {
      if (runs++ === 0) return; // kernels were not compiled for speed yet
      const list = wasShared ? recent.shared : recent.alone;
      list.push(ms);
      if (list.length > firstRuns) list.shift();
      if (runs <= 2 * firstRuns) return;
      if (runs === 2 * firstRuns + 1) return compare();
      if (probes > 0) {
        probes--;
        if (probes === 0) compare();
        return;
      }
      const taken = isShared ? recent.shared : recent.alone;
      const hasSlowed = taken.length >= firstRuns && fastest(taken) > slower * usual;
      if (!hasSlowed && now() - comparedAt <= againMs) return;
      probes = 2;
      (isShared ? recent.alone : recent.shared).length = 0; // how fast it was is no matter now
    },
  };
}
