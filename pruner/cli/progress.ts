/** Shows training on stderr: a bar in a terminal, a line now and then elsewhere. */
import cliProgress from "cli-progress";
import type { OnProgress, Progress } from "../train/progress.ts";

/** Seconds between two lines where there is no terminal. */
const quietSeconds = 10;

export function progressDisplay(quiet = false): { onProgress: OnProgress | undefined; stop(): void } {
  if (quiet) return { onProgress: undefined, stop() {} };
  return process.stderr.isTTY ? bar() : lines();
}

function bar(): { onProgress: OnProgress; stop(): void } {
  const single = new cliProgress.SingleBar(
    {
      stream: process.stderr,
      hideCursor: true,
      format: (options, params, payload: { text?: string }) => {
        return `${cliProgress.Format.BarFormat(params.progress, options)} ${payload.text ?? ""}`;
      },
    },
    cliProgress.Presets.shades_classic,
  );
  let started = false;
  return {
    onProgress(progress) {
      if (!started) single.start(progress.steps, 0);
      started = true;
      single.update(progress.step, { text: describe(progress) });
    },
    stop() {
      if (started) single.stop();
    },
  };
}

function lines(): { onProgress: OnProgress; stop(): void } {
  let last = Number.NEGATIVE_INFINITY;
  let [stage, seen] = ["", 0];
  return {
    onProgress(progress) {
      const now = performance.now() / 1000;
      const isLast = progress.step === progress.steps;
      if (++seen === 1 && !isLast) return; // how long it takes is not known yet
      if (progress.stage === stage && now - last < quietSeconds && !isLast) return;
      [last, stage] = [now, progress.stage];
      const percent = Math.round((100 * progress.step) / progress.steps);
      process.stderr.write(`${percent} % ${describe(progress)}\n`);
    },
    stop() {},
  };
}

/** "search 2/6 | loss 0.123 | accuracy 97.1 % | soft 12.0 % | 1:05 left" */
export function describe(progress: Progress): string {
  const { stage, epoch, epochs, loss, accuracy, softFraction, secondsLeft } = progress;
  const seconds = Math.round(secondsLeft);
  return [
    `${stage} ${epoch}/${epochs}`,
    `loss ${loss.toFixed(3)}`,
    ...(Number.isNaN(accuracy) ? [] : [`accuracy ${percentOf(accuracy)}`]),
    ...(softFraction === undefined ? [] : [`soft ${percentOf(softFraction)}`]),
    `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`,
  ].join(" | ");
}

function percentOf(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
