/**
 * The log of a run: a JSON object a line, each with the seconds since the start.
 *
 *   {"event":"start","model":…,"flags":…}
 *   {"event":"step","stage":"search","epoch":1,"step":50,"steps":1200,"loss":…,"accuracy":…,"softFraction":…,"secondsLeft":…}
 *   {"event":"end","report":…,"file":…,"fileBytes":…}      or  {"event":"error","message":…}
 *
 * A run that goes on from a checkpoint adds its lines, from a "start" of its own, to those of before.
 */
import { createWriteStream } from "node:fs";
import type { Progress } from "../train/progress.ts";

export interface Log {
  write(event: { readonly event: string } & Readonly<Record<string, unknown>>): void;
  /** About every hundredth of the steps, and the first and the last of each epoch. */
  step(progress: Progress): void;
  close(): Promise<void>;
}

/** Without a file, one that keeps nothing. `goesOn`: what the file has stays. */
export async function openLog(path: string | undefined, goesOn: boolean): Promise<Log> {
  if (!path) return { write() {}, step() {}, async close() {} };
  const stream = createWriteStream(path, { flags: goesOn ? "a" : "w" });
  await new Promise((resolve, reject) => stream.once("open", resolve).once("error", reject));
  const started = performance.now();
  let last: Progress | undefined;
  const write: Log["write"] = ({ event, ...rest }) => {
    const seconds = Math.round(performance.now() - started) / 1000;
    stream.write(`${JSON.stringify({ event, seconds, ...rest })}\n`);
  };
  return {
    write,
    step(progress) {
      const { step, steps, stage, epoch } = progress;
      const isNew = last?.stage !== stage || last.epoch !== epoch;
      // The last step of an epoch is known when the next begins.
      if (last && isNew && last.step % everyOf(steps) !== 0) write({ event: "step", ...last });
      if (isNew || step % everyOf(steps) === 0 || step === steps) write({ event: "step", ...progress });
      last = progress;
    },
    close: () => new Promise((resolve) => stream.end(resolve)),
  };
}

const everyOf = (steps: number): number => Math.ceil(steps / 100);
