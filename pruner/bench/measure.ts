/**
 * Times things against each other on a noisy machine, in any JavaScript.
 *
 * Contenders take turns, so that what slows the machine slows all of them, and every other round runs backwards, so
 * that none profits from its place. A sample is a batch of calls that takes at least `batchMs`, because a page's
 * clock has steps of 5 to 100 µs. Warm-up lets the engines replace their quick first code by their fast one.
 * Believe ratios of minima, then of medians: the noise only ever adds.
 */

export interface Contender {
  readonly name: string;
  run(): unknown;
}

export interface Timing {
  readonly name: string;
  readonly samplesMs: readonly number[]; // [rounds]: a call's milliseconds, mean of one batch
  readonly batch: number; // calls a sample
  readonly minMs: number;
  readonly medianMs: number;
  readonly spread: number; // (upper quartile - lower quartile) / median
}

export interface MeasureOptions {
  readonly rounds?: number;
  readonly batchMs?: number;
  /** Warm-up ends after so many calls that took so long together, and after `warmupMostMs` at the latest. */
  readonly warmupCalls?: number;
  readonly warmupMs?: number;
  readonly warmupMostMs?: number;
  /**
   * Before each sample nothing runs for so long, then a batch goes untimed (default 0: neither). For contenders with
   * threads: those of the one before may keep a core busy for some time after its last call, and its own have slept.
   */
  readonly restMs?: number;
  /** Milliseconds, from any origin. */
  readonly now?: () => number;
  onRound?(done: number, rounds: number): void;
}

/** One Timing a contender, in their order. */
export async function measure(
  contenders: readonly Contender[],
  options: MeasureOptions = {},
): Promise<Timing[]> {
  const { rounds = 15, restMs = 0, now = () => performance.now() } = options;
  const entries = [];
  for (const contender of contenders) {
    const callMs = await warmUp(contender, now, options);
    const batch = Math.max(1, Math.ceil((options.batchMs ?? 1) / callMs));
    entries.push({ contender, batch, samplesMs: [] as number[] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const entry of round % 2 ? entries.toReversed() : entries) {
      if (restMs) {
        await new Promise((resolve) => setTimeout(resolve, restMs));
        await timeCalls(entry.contender, entry.batch, now);
      }
      entry.samplesMs.push((await timeCalls(entry.contender, entry.batch, now)) / entry.batch);
    }
    options.onRound?.(round + 1, rounds);
  }
  return entries.map(({ contender, batch, samplesMs }) => ({
    name: contender.name,
    samplesMs,
    batch,
    minMs: Math.min(...samplesMs),
    medianMs: quantile(samplesMs, 0.5),
    spread: (quantile(samplesMs, 0.75) - quantile(samplesMs, 0.25)) / quantile(samplesMs, 0.5),
  }));
}

/** Milliseconds of a warm call (never 0, however coarse the clock). */
async function warmUp(
  contender: Contender,
  now: () => number,
  options: MeasureOptions,
): Promise<number> {
  const { warmupCalls = 60, warmupMs = 200, warmupMostMs = 1500 } = options;
  const start = now();
  for (let calls = 0; ; calls++) {
    const elapsed = now() - start;
    if (elapsed >= warmupMostMs || (elapsed >= warmupMs && calls >= warmupCalls)) break;
    await contender.run();
  }
  for (let calls = 1; ; calls *= 2) {
    const elapsed = await timeCalls(contender, calls, now);
    if (elapsed >= (options.batchMs ?? 1) || calls >= 1024) return Math.max(elapsed, 1e-3) / calls;
  }
}

async function timeCalls(contender: Contender, calls: number, now: () => number): Promise<number> {
  const start = now();
  for (let call = 0; call < calls; call++) await contender.run();
  return now() - start;
}

/** Linear between the two nearest of the sorted samples. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}
