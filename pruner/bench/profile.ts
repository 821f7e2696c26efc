/** The time of every step of some engines, by turns: what slows the machine slows all of them. */
import type { Engine, Progress, StepTime, Tensors } from "./engine.ts";

/** Runs of one turn: the clock of a page is too coarse for one. */
const runs = 30;

/** By engine: the least of the rounds for each step. Engines that cannot tell are left out. */
export async function profileByTurns(
  engines: readonly Engine[],
  samples: readonly Tensors[],
  rounds: number,
  onProgress?: Progress,
): Promise<Record<string, StepTime[]>> {
  const least: Record<string, StepTime[]> = {};
  for (let round = 0; round <= rounds; round++) {
    for (const { name, profile } of round % 2 ? engines.toReversed() : engines) {
      const steps = await profile?.(samples[round % samples.length], runs);
      // The first round warms up.
      if (!steps || round === 0) continue;
      const before = least[name];
      least[name] = steps.map(({ node, ms }, i) => ({ node, ms: Math.min(ms, before?.[i].ms ?? ms) }));
    }
    if (round > 0) onProgress?.("timing layers", round, rounds);
  }
  return least;
}
